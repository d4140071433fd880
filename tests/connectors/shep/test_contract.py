"""The contract that we wrote: it loads, it holds our messages, and other software understands it."""

import zeep
from lxml import etree
from zeep.transports import Transport

from appealbus.connectors.shep import ShepSettings
from appealbus.connectors.shep.message import MessageBuilder
from appealbus.core import Shape
from appealbus.plugins.simulator.messages import build_fault, build_response, read_request
from appealbus.schemas.shep import NS_TYPES, WSDL, load_schema

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


def test_our_messages_are_valid():
    """Questions and answers, with all that they can hold, pass the schema; so does the detail of a fault."""
    schema = load_schema()
    question = body_of(MessageBuilder(ShepSettings.model_validate(SETTINGS)).build(CONTENT, "id"))
    bare = ShepSettings(url=SETTINGS["url"], service_id="S", sender_id="T", payload=Shape.CDATA)
    fault = body_of(build_fault("E1", "outer", causes=[("E2", "inner"), ("E3", "innermost")]))

    schema.assertValid(question)
    schema.assertValid(body_of(MessageBuilder(bare).build(CONTENT, "id")))
    schema.assertValid(body_of(build_response(CONTENT, correlation_id="id")))
    schema.assertValid(body_of(build_response(None, code="404", message="")))
    schema.assertValid(fault.find("detail")[0])
    assert [element.text for element in fault.iter("errorCode")] == ["E1", "E2", "E3"]


def test_only_the_wrapper_has_a_namespace():
    """Children are unqualified: a qualified one is not valid."""
    question = body_of(MessageBuilder(ShepSettings.model_validate(SETTINGS)).build(CONTENT, "id"))
    tags = [element.tag for element in question.iter() if element is not question]
    assert question.tag == f"{{{NS_TYPES}}}SendMessage"
    assert not [tag for tag in tags if tag.startswith("{")]
    question[0].tag = f"{{{NS_TYPES}}}request"

    assert not load_schema().validate(question)


def test_order_of_the_head_is_kept():
    """The head lists its elements in the schema's order, and never a sessionId."""
    question = body_of(MessageBuilder(ShepSettings.model_validate(SETTINGS)).build(CONTENT, "id"))

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
    """A client made by zeep from our WSDL sends what our server reads, and reads what our server answers."""
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
    read = read_request(message)
    assert (read.service_id, read.shape, read.payload.text) == ("S", Shape.TEXT, "Қ")

    operation = client.service._binding.get("SendMessage")
    answer = operation.process_reply(etree.fromstring(build_response(CONTENT, shape=Shape.TEXT)))
    assert answer.responseInfo.status.code == "SCSS001"
    assert answer.responseData.data == "<q><iin>750301100019</iin></q>"
    transport.session.close()
