"""The gateway's side: what it reads, and what a strict peer refuses."""

from datetime import UTC, datetime

import pytest
from lxml import etree

from appealbus.connectors.shep import ShepSettings
from appealbus.connectors.shep.message import MessageBuilder
from appealbus.plugins.simulator.messages import RequestRefused, build_fault, build_response, read_request

SETTINGS = ShepSettings(url="http://127.0.0.1/", service_id="S", sender_id="T", properties={"k": "v"})
GOOD = MessageBuilder(SETTINGS).build(etree.fromstring("<q><iin>750301100019</iin></q>"), "question").decode()
INFO = GOOD[GOOD.index("<requestInfo>") : GOOD.index("</requestInfo>") + 14]
BODY = GOOD[GOOD.index("<ns:SendMessage") : GOOD.index("</soapenv:Body>")]


def test_good():
    """The message that the attempts below spoil is taken."""
    request = read_request(GOOD.encode())

    assert (request.correlation_id, request.sender_id, request.properties) == ("question", "T", (("k", "v"),))
    assert (request.password, request.route_id, request.payload.tag) == (None, None, "q")
    assert request.envelope.tag.endswith("Envelope")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "xml.malformed"),
        (GOOD[:-1], "xml.malformed"),
        ("<!DOCTYPE a>" + GOOD, "xml.doctype"),
        ("<html/>", "request.soap"),
        (GOOD.replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope"), "request.soap"),
        (GOOD.replace("<soapenv:Header/>", "<soapenv:Header/><soapenv:Header/>"), "request.soap"),
        (GOOD.replace(BODY, ""), "request.operation"),
        (GOOD.replace(BODY, BODY * 2), "request.operation"),
        (GOOD.replace("SendMessage", "sendMessage"), "request.operation"),
        (GOOD.replace("/v10/Types", "/v10/types"), "request.operation"),
        (GOOD.replace(INFO, ""), "request.schema"),
        (GOOD.replace("<serviceId>S</serviceId>", ""), "request.schema"),
        (
            GOOD.replace("<serviceId>S</serviceId>", "").replace("<messageId>", "<serviceId>S</serviceId><messageId>"),
            "request.schema",
        ),
        (GOOD.replace("request>", "ns:request>"), "request.schema"),
        (GOOD.replace("<key>k", "<key>" + "k" * 31), "request.schema"),
        (GOOD.replace("<messageDate>", "<messageDate>yesterday "), "request.schema"),
        (GOOD.replace("</requestInfo>", "<sessionId>1</sessionId></requestInfo>"), "request.schema"),
        (
            GOOD.replace(
                "</requestInfo>", "<sessionId>{0f8fad5b-d9cb-469f-a165-70867728950e}</sessionId></requestInfo>"
            ),
            "request.session",
        ),
        (GOOD.replace("<data><q><iin>750301100019</iin></q></data>", ""), "request.empty"),
        (GOOD.replace("<q>", "&lt;q>").replace("</q>", "").replace("<iin>750301100019</iin>", ""), "shep.data_xml"),
    ],
)
def test_refused(message, code):
    """Whatever is not as the schema says is refused with a code of ours, and nothing of it is quoted."""
    with pytest.raises(RequestRefused) as caught:
        read_request(message.encode())

    assert caught.value.code.startswith(code)
    assert "750301100019" not in str(caught.value)


def test_too_large():
    """A request beyond the limit is refused before it is parsed."""
    with pytest.raises(RequestRefused, match=r"xml\.too_large"):
        read_request(GOOD.encode(), limit=100)


def test_texts_are_escaped():
    """Codes, texts and ids cannot break out of an answer."""
    nasty = "<a>&\r]]>"
    answer = etree.fromstring(build_response(None, code=nasty, message=nasty, correlation_id=nasty, message_id=nasty))
    fault = etree.fromstring(build_fault(nasty, nasty, causes=[(nasty, nasty)]))

    for path in ("status/code", "status/message", "correlationId", "messageId"):
        assert answer.findtext(f".//responseInfo/{path}") == nasty
    assert [error.text for error in fault.iter("errorCode", "errorMessage")] == [nasty] * 4


def test_same_inputs_same_bytes():
    """With its ids and moment given, an answer is the same byte for byte."""
    moment = datetime(2026, 2, 16, 10, 15, 30, tzinfo=UTC)
    given = {"session_id": "{0f8fad5b-d9cb-469f-a165-70867728950e}", "moment": moment}

    assert build_response(None, message_id="1", **given) == build_response(None, message_id="1", **given)
    assert build_fault("E", "m", **given) == build_fault("E", "m", **given)
