"""The contract that we wrote: it loads, it holds our messages, and other software understands it."""

import zeep
from lxml import etree
from zeep.transports import Transport

from appealbus.connectors.shep import ShepSettings
from appealbus.connectors.shep.data import MessageBuilder, put
from appealbus.core import Call, Shape
from appealbus.schemas.shep import NS_TYPES, WSDL, XSD, load_schema
from tests.connectors.shep.answers import answer, fault, read_question

SETTINGS = {
    "url": "http://127.0.0.1/bip-sync/",
    "service_id": "GBDFLUniversal_token",
    "sender_id": "TEST_SYSTEM",
    "route_id": "R_EXAMPLE",
    "properties": {"ADDL_CLIENT_KEY": "demo", "SECOND": "<&>"},
}
CONTENT = etree.fromstring("<q><iin>750301100019</iin></q>")


def body_of(message: bytes) -> etree._Element:
    root = etree.fromstring(message)
    return root[-1][0]


def question_of(settings: dict, shape: Shape = Shape.CHILD) -> etree._Element:
    made = MessageBuilder(ShepSettings.model_validate(settings)).build(put(CONTENT, shape), Call("id", "N", 1.0))
    return body_of(made)


def test_our_messages_are_valid():
    """Questions and answers, with all that they can hold, pass the schema; so does the detail of a fault."""
    schema = load_schema()
    question = question_of(SETTINGS)
    told = body_of(fault("E1", "outer", causes=("E2", "E3")))

    schema.assertValid(question)
    schema.assertValid(question_of({name: SETTINGS[name] for name in ("url", "service_id", "sender_id")}, Shape.CDATA))
    schema.assertValid(body_of(answer(CONTENT, correlation_id="id")))
    schema.assertValid(body_of(answer(None, code="404")))
    schema.assertValid(told.find("detail")[0])
    assert [element.text for element in told.iter("errorCode")] == ["E1", "E2", "E3"]


def test_only_the_wrapper_has_a_namespace():
    """Children are unqualified: a qualified one is not valid."""
    question = question_of(SETTINGS)
    tags = [element.tag for element in question.iter() if element is not question]
    assert question.tag == f"{{{NS_TYPES}}}SendMessage"
    assert not [tag for tag in tags if tag.startswith("{")]
    question[0].tag = f"{{{NS_TYPES}}}request"

    assert not load_schema().validate(question)


def test_order_of_the_head_is_kept():
    """The head lists its elements in the schema's order, and never a sessionId."""
    question = question_of(SETTINGS)

    assert [element.tag for element in question.find("request/requestInfo")] == [
        "messageId",
        "correlationId",
        "serviceId",
        "messageDate",
        "routeId",
        "sender",
        "properties",
        "properties",
    ]


def test_zeep_speaks_it():
    """A client made by zeep from our WSDL sends what the gateway reads, and reads what it answers."""
    transport = Transport()
    client = zeep.Client(str(WSDL), transport=transport)
    request = {
        "requestInfo": {
            "messageId": "1",
            "serviceId": "S",
            "messageDate": "2026-02-16T10:15:30+05:00",
            "sender": {"senderId": "T"},
        },
        "requestData": {"data": zeep.xsd.AnyObject(zeep.xsd.String(), "<q>Қ</q>")},
    }
    message = etree.tostring(client.create_message(client.service, "SendMessage", request=request))
    read = read_question(message)
    assert (read.service_id, read.content.text) == ("S", "Қ")

    operation = client.service._binding.get("SendMessage")
    told = operation.process_reply(etree.fromstring(answer(CONTENT, shape=Shape.TEXT)))
    assert told.responseInfo.status.code == "SCSS001"
    assert told.responseData.data == "<q><iin>750301100019</iin></q>"
    transport.session.close()


_SERVICE = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
    targetNamespace="http://message.persistence.interactive.nat">
  <xs:complexType name="Request"><xs:sequence>
    <xs:element name="messageId" type="xs:string"/><xs:element name="iin" type="xs:string" minOccurs="0"/>
  </xs:sequence></xs:complexType>
</xs:schema>"""


def test_what_the_type_of_data_names(tmp_path):
    """Held against channel and service together, `xsi:type` is valid where it names a type, and not an element."""
    (tmp_path / "service.xsd").write_text(_SERVICE)
    service = "http://message.persistence.interactive.nat"
    both = etree.fromstring(
        f'''<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
          <xs:import namespace="{NS_TYPES}" schemaLocation="{XSD.as_uri()}"/>
          <xs:import namespace="{service}" schemaLocation="{(tmp_path / "service.xsd").as_uri()}"/></xs:schema>'''
    )
    schema = etree.XMLSchema(both)
    content = etree.fromstring('<b:sendMessageRequest xmlns:b="urn:b"><messageId>1</messageId></b:sendMessageRequest>')

    def valid(shape: Shape, type_name: str | None) -> bool:
        data = put(content, shape, type_name)
        made = MessageBuilder(ShepSettings.model_validate(SETTINGS)).build(data, Call("id", "N", 1.0))
        return schema.validate(body_of(made))

    assert valid(Shape.TYPED, f"{{{service}}}Request")
    assert valid(Shape.BARE, None)
    assert not valid(Shape.TYPED, None)
    assert not valid(Shape.TYPED, f"{{{service}}}sendMessageRequest")
