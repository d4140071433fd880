"""An answer through the gateway is kept as it came, and read again without a question."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lxml import etree

from appealbus.core import Call, CallFailed, RawReply, Request
from tests.connectors.shep.answers import answer
from tests.connectors.shep.conftest import QUESTION_ID
from tests.services.rereading import again

CALL = Call(QUESTION_ID, "N", 5.0)
BODY = etree.fromstring('<q xmlns="urn:q"><iin>750301100019</iin></q>')


async def test_an_answer_is_read_again_without_a_question(gateway, wire):
    """What is handed over has the hash of provenance; read again it is the same reply, of the same moment."""
    bound, came = await wire(), []
    reply = await bound.call(Request(BODY), replace(CALL, came=came.append))
    [raw] = came
    assert hashlib.sha256(raw.body).hexdigest() == reply.raw_sha256
    second = await bound.call(Request(BODY), again(CALL, raw))
    assert etree.tostring(second.body) == etree.tostring(reply.body)
    assert replace(second, body={}) == replace(reply, body={})
    assert len(gateway.requests) == 1


async def test_a_refusal_is_kept_and_read_again(gateway, wire):
    """So is an answer that no lookup has seen: a failure of the gateway's, HTML of a proxy, another one's answer."""
    bound = await wire()
    for made in (
        lambda _: b"<html>",
        lambda _: answer(BODY, correlation_id="another"),
        lambda question: answer(BODY, correlation_id=question.correlation_id, status="SCSE001"),
    ):
        gateway.answer, came = made, []
        told = []
        for call in (replace(CALL, came=came.append), None):
            try:
                told.append((await bound.call(Request(BODY), call or again(CALL, came[0]))).status)
            except CallFailed as failed:
                told.append((failed.kind, failed.code))
        assert told[0] == told[1]
    assert len(gateway.requests) == 3


@pytest.mark.parametrize("head", ["", "{}", '{"status": "x", "headers": {}, "alone": true}', '{"status": 200}', "[]"])
async def test_a_damaged_head_is_told(wire, head):
    """Nothing leaves instead."""
    bound = await wire()
    with pytest.raises(CallFailed, match=r"http\.damaged"):
        await bound.call(Request(BODY), again(CALL, RawReply(b"<a/>", head, datetime.now(UTC))))
