"""The gateway's side: what it reads, and what a strict peer refuses."""

from datetime import UTC, datetime

import pytest
from lxml import etree

from appealbus.simulator.messages import build_fault, build_response, read_request
from appealbus.simulator.refusal import RequestRefused
from tests.simulator.simulator_peer import message as written

GOOD = (
    written(
        "S",
        "<q><iin>750301100019</iin></q>",
        sender="<senderId>T</senderId>",
        properties="<key>k</key><value>v</value>",
        correlationId="question",
        data_attributes="",
    )
    .decode()
    .replace("<data >", "<data>")
)
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
        ("", "SCE001"),
        (GOOD[:-1], "SCE001"),
        ("<!DOCTYPE a>" + GOOD, "SCE001"),
        ("<html/>", "SCE001"),
        (GOOD.replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope"), "SCE001"),
        (GOOD.replace("<soapenv:Header/>", "<soapenv:Header/><soapenv:Header/>"), "SCE001"),
        (GOOD.replace(BODY, ""), "SCE001"),
        (GOOD.replace(BODY, BODY * 2), "SCE001"),
        (GOOD.replace("SendMessage", "sendMessage"), "SCE001"),
        (GOOD.replace("/v10/Types", "/v10/types"), "SCE001"),
        (GOOD.replace(INFO, ""), "SCE001"),
        (GOOD.replace("<serviceId>S</serviceId>", ""), "SCE001"),
        (
            GOOD.replace("<serviceId>S</serviceId>", "").replace("<messageId>", "<serviceId>S</serviceId><messageId>"),
            "SCE001",
        ),
        (GOOD.replace("request>", "ns:request>"), "SCE001"),
        (GOOD.replace("<key>k", "<key>" + "k" * 31), "SCE001"),
        (GOOD.replace("<messageDate>", "<messageDate>yesterday "), "SCE001"),
        (GOOD.replace("</requestInfo>", "<sessionId>1</sessionId></requestInfo>"), "SCE001"),
        (
            GOOD.replace(
                "</requestInfo>", "<sessionId>{0f8fad5b-d9cb-469f-a165-70867728950e}</sessionId></requestInfo>"
            ),
            "SCE001",
        ),
        (GOOD.replace("<data><q><iin>750301100019</iin></q></data>", ""), "SCE001"),
        (GOOD.replace("<q>", "&lt;q>").replace("</q>", "").replace("<iin>750301100019</iin>", ""), "SCE001"),
    ],
)
def test_refused(message, code):
    """Whatever is not as the schema says is refused with the code of a bad format, and nothing of it is quoted."""
    with pytest.raises(RequestRefused) as caught:
        read_request(message.encode())

    assert caught.value.code == code
    assert "750301100019" not in str(caught.value)


def test_too_large():
    """A request beyond the limit is refused before it is parsed."""
    with pytest.raises(RequestRefused, match="SCE001: the document has more than 100 bytes"):
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
