"""The forms that are published for the services: what goes out, and what comes back, as others write it."""

import pytest
from lxml import etree

from appealbus.connectors.shep.data import put_document
from appealbus.core import Call, Form, Request, Shape
from tests.connectors.shep.answers import answer

XSI = "http://www.w3.org/2001/XMLSchema-instance"
PERSON = etree.fromstring(
    '<p:sendMessageRequest xmlns:p="urn:p"><messageId>1</messageId><iin>750301100019</iin></p:sendMessageRequest>'
)
SIGNATURE = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/></ds:Signature>'


def data(xml: str) -> bytes:
    return etree.tostring(etree.fromstring(xml), method="c14n")


@pytest.mark.parametrize(
    ("form", "settings", "expected"),
    [
        (None, {}, f"<data>{etree.tostring(PERSON, encoding='unicode')}</data>"),
        (Form(Shape.BARE), {}, "<data><messageId>1</messageId><iin>750301100019</iin></data>"),
        (
            Form(Shape.TYPED, "{urn:t}Request"),
            {},
            f'<data xmlns:xsi="{XSI}" xmlns:dt="urn:t" xsi:type="dt:Request"><messageId>1</messageId>'
            "<iin>750301100019</iin></data>",
        ),
        (
            Form(Shape.BARE),
            {"payload": "typed", "payload_type": "{urn:s}R"},
            f'<data xmlns:xsi="{XSI}" xmlns:dt="urn:s" xsi:type="dt:R"><messageId>1</messageId>'
            "<iin>750301100019</iin></data>",
        ),
        (
            Form(Shape.TYPED, "{urn:t}Request"),
            {"payload": "typed"},
            f'<data xmlns:xsi="{XSI}" xmlns:dt="urn:t" xsi:type="dt:Request"><messageId>1</messageId>'
            "<iin>750301100019</iin></data>",
        ),
        (Form(Shape.TEXT), {"payload": "bare"}, "<data><messageId>1</messageId><iin>750301100019</iin></data>"),
    ],
)
async def test_the_form_is_the_lookups_and_a_setting_wins(gateway, wire, form, settings, expected):
    """`data` holds what the published clients put there."""
    bound = await wire(**settings)
    await bound.call(Request(PERSON, form=form), Call("id", "N", 5.0))
    sent = gateway.requests[0].data
    etree.cleanup_namespaces(sent, keep_ns_prefixes=["dt", "xsi"])
    assert etree.tostring(etree.fromstring(etree.tostring(sent)), method="c14n", exclusive=True) == etree.tostring(
        etree.fromstring(expected), method="c14n", exclusive=True
    )


@pytest.mark.parametrize("shape", [Shape.TEXT, Shape.CDATA, Shape.CHILD])
def test_a_signed_document_is_put_in_unchanged(shape):
    """Not a byte of it is written anew: a line break or a quote of another kind would break its signature."""
    document = f"<Request a='1'><BIN>210740000018</BIN>\n<x>]]&gt; &amp; Қ</x >{SIGNATURE}</Request>"
    (lying,) = etree.fromstring(put_document(document, shape)).xpath("/data")
    if shape is Shape.CHILD:
        assert put_document(document, shape) == f"<data>{document}</data>".encode()
    else:
        assert lying.text == document


async def test_a_signed_question(gateway, wire):
    """What the signer gave back goes out as it is, whatever the lookup says: who set a key wants it used."""
    signed: list[str] = []

    class Signer:
        async def sign(self, xml: str) -> str:
            signed.append(xml.replace("</p:", f"{SIGNATURE}</p:"))
            return signed[-1]

    bound = await wire()
    bound._data_signer = Signer()
    await bound.call(Request(PERSON, form=Form(Shape.TEXT, signed=True)), Call("id", "N", 5.0))
    await bound.call(Request(PERSON, form=Form(Shape.TEXT)), Call("id", "N", 5.0))
    assert [request.data.text for request in gateway.requests] == signed


ONE = "<messageResult><code>404</code></messageResult>"


@pytest.mark.parametrize(
    ("form", "content", "tag"),
    [
        (Form(Shape.BARE), ONE, "data"),
        (Form(Shape.TYPED), ONE, "data"),
        (Form(Shape.TYPED), ONE + SIGNATURE, "data"),
        (Form(Shape.BARE), '<r:Response xmlns:r="urn:r"><code>404</code></r:Response>', "{urn:r}Response"),
        (Form(Shape.CHILD), "<Response><code>404</code></Response>", "Response"),
        (Form(Shape.CHILD), f"<Response><code>404</code></Response>{SIGNATURE}", "Response"),
        (Form(Shape.TEXT), "&lt;Response>&lt;code>404&lt;/code>&lt;/Response>", "Response"),
        (None, f"<a/><b/>{SIGNATURE}", "data"),
        (None, SIGNATURE, "data"),
    ],
)
async def test_where_the_answer_lies(gateway, wire, form, content, tag):
    """An answer of one element is the content, unless the question lay bare: then the element is one of its own."""
    gateway.answer = lambda _: answer(content)
    reply = await (await wire()).call(Request(PERSON, form=form), Call("id", "N", 5.0))
    assert reply.body.tag == tag
