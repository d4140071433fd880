"""A question through the gateway, over real HTTP, and what comes back when all is well."""

import asyncio
import hashlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings, ShepWire
from appealbus.core import Call, CallFailed, ConfigError, OutcomeKind, Request, Shape
from appealbus.schemas.shep import load_schema
from tests.connectors.shep.answers import answer, fault

QUESTION_ID = "0b0f3a3e-7a53-4c58-8f5e-0d2f4f7b9a11"


async def test_what_goes_out(gateway, wire, ask, monkeypatch):
    """The question carries the service, who asks, our ids and a date with a zone; the next message has a new id."""
    monkeypatch.setenv("GATEWAY_PASSWORD", "p&ssword")
    bound = await wire(
        password={"env": "GATEWAY_PASSWORD"}, route_id="R_EXAMPLE", properties={"ADDL_CLIENT_KEY": "<demo>"}
    )
    await ask(bound)
    again = Call(QUESTION_ID, "N", 5.0).following()
    await bound.call(Request(etree.fromstring("<q/>")), again)
    first, second = gateway.requests
    wrapper = etree.fromstring(gateway.raw[0])[-1][0]

    assert (first.service_id, first.sender_id, first.password) == ("GBDFLUniversal_token", "TEST_SYSTEM", "p&ssword")
    assert (first.route_id, first.properties) == ("R_EXAMPLE", (("ADDL_CLIENT_KEY", "<demo>"),))
    assert first.correlation_id == second.correlation_id == QUESTION_ID
    assert (first.message_id, second.message_id) == (QUESTION_ID, str(UUID(again.message_id)))
    assert second.message_id != QUESTION_ID
    assert datetime.fromisoformat(wrapper.findtext("request/requestInfo/messageDate")).tzinfo is not None
    assert gateway.headers[0]["SOAPAction"] == '""'
    assert gateway.headers[0]["Content-Type"] == "text/xml; charset=utf-8"
    load_schema().assertValid(wrapper)


@pytest.mark.parametrize("sent", list(Shape))
@pytest.mark.parametrize("answered", list(Shape))
async def test_shapes(gateway, wire, ask, sent, answered):
    """Each shape of question meets each shape of answer."""
    content = etree.fromstring('<p:person xmlns:p="urn:p"><name>Әлия &amp; Ұлан ]]&gt;</name><age>7</age></p:person>')
    gateway.answer = lambda request: answer(content, shape=answered, correlation_id=request.correlation_id)
    asked = etree.fromstring('<q xmlns="urn:q"><iin>750301100019</iin><purpose/></q>')
    reply = await ask(await wire(payload=sent), asked)

    assert reply.body.findtext("name") == "Әлия & Ұлан ]]>"
    assert reply.body.tag == ("data" if answered in (Shape.TYPED, Shape.BARE) else "{urn:p}person")
    assert gateway.requests[0].content.findtext("{*}iin") == "750301100019"


async def test_what_is_kept(gateway, wire, ask):
    """The reply keeps the gateway's ids, when it came, and the hash of its bytes."""
    session = "{0f8fad5b-d9cb-469f-a165-70867728950e}"
    told = answer(None, message_id="c0a8", session_id=session)
    gateway.answer = lambda _: told
    before = datetime.now(UTC)
    reply = await ask(await wire())

    assert (reply.message_id, reply.session_id) == ("c0a8", session)
    assert reply.raw_sha256 == hashlib.sha256(told).hexdigest()
    assert before <= reply.observed_at <= datetime.now(UTC)
    assert (reply.body.tag, len(reply.body)) == ("data", 0)


SOAP = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
INFO = "<responseInfo><messageId>1</messageId><status><code>SCSS001</code><message/></status>{}</responseInfo>"
DATA = "<responseData><data><a>x</a></data></responseData>"


@pytest.mark.parametrize(
    "body",
    [
        f'<r:SendMessageResponse xmlns:r="http://bip.bee.kz/SyncChannel/v10/types"><response>{INFO}{DATA}</response>'
        "</r:SendMessageResponse>",
        f'<sendMessageResponse xmlns="urn:x"><response xmlns="">{INFO}{DATA}</response></sendMessageResponse>',
        f'<sendMessageResponse xmlns="urn:x"><response>{INFO}{DATA}</response></sendMessageResponse>',
        f"<SendMessageResponse><response>{DATA}{INFO}</response></SendMessageResponse>",
        f"<SendMessageResponse>{INFO}{DATA}</SendMessageResponse>",
        f"<SendMessageResponse><response><extra/>{INFO}<extra/>{DATA}</response></SendMessageResponse>",
        "<SendMessageResponse><response><responseInfo><status><message>m</message><code> SCSS001 </code></status>"
        f"<messageId>1</messageId></responseInfo>{DATA}</response></SendMessageResponse>",
    ],
)
async def test_dialects(gateway, wire, ask, body):
    """Other namespaces, orders and wrappers are read all the same."""
    session = "<sender><senderId>x</senderId><sessionId>{s}</sessionId></sender>"
    gateway.answer = lambda _: SOAP.format(body.replace("{}", session)).encode()
    reply = await ask(await wire())

    assert (etree.QName(reply.body).localname, reply.body.text) == ("a", "x")
    assert reply.message_id == "1"
    assert reply.session_id == ("{s}" if "{}" in body else None)


async def test_declared_encoding(gateway, wire, ask):
    """An answer in another encoding is read by what it declares."""
    text = SOAP.format(f"<R><response>{INFO}{DATA}</response></R>").replace("{}", "").replace("x</a>", "Тест</a>")
    gateway.answer = lambda _: ('<?xml version="1.0" encoding="windows-1251"?>' + text).encode("windows-1251")
    reply = await ask(await wire())

    assert reply.body.text == "Тест"


async def test_concurrent_questions(gateway, wire):
    """Questions in flight at once each get their own answer."""
    bound = await wire()

    async def one(number: int) -> tuple[int, str]:
        content = etree.Element("{urn:q}q")
        content.text = str(number)
        reply = await bound.call(Request(content), Call(f"question-{number}", "N", 5.0))
        return number, reply.body.text

    assert all(str(number) == text for number, text in await asyncio.gather(*map(one, range(100))))


async def test_mapping_is_no_question(wire):
    """This wire has no contract for the content, so it cannot build it from a mapping."""
    with pytest.raises(CallFailed, match=r"shep\.question") as caught:
        await (await wire()).call(Request({"iin": "x"}), Call("id", "N", 1.0))
    assert caught.value.kind is OutcomeKind.INVALID


async def test_secret_is_missing(gateway):
    """A password that is not there stops the start with a word on what to set."""
    settings = ShepSettings(url=gateway.url, service_id="S", sender_id="T", password={"env": "NOT_SET_ANYWHERE"})
    wire = ShepWire("gbdfl", settings, HttpClient())
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        await wire.start()
    await wire.close()


async def test_health(gateway, wire):
    """The gateway is there if it answers HTTP at all; it is asked about nobody."""
    bound = await wire()
    health = await bound.health()
    assert health.ok
    assert gateway.requests == []

    health = await (await wire(url="http://127.0.0.1:1/bip-sync/")).health()
    assert (health.ok, health.detail.partition(":")[0]) == (False, "http.connect")


async def test_what_ties_an_answer(gateway, wire, ask):
    """The correlation id ties it, or else a connection that carried nothing else; of a fault the connection alone."""
    shared, alone = await wire(not_found_codes=["404"]), await wire(not_found_codes=["404"], reuse=False)
    assert [(await ask(shared)).correlated for _ in range(2)] == [True, True]
    gateway.answer = lambda request: answer(request.content, correlation_id=None)
    assert not (await ask(shared)).correlated
    assert (await ask(alone)).correlated
    gateway.answer = lambda _: web.Response(status=500, body=fault("404"), content_type="text/xml")
    for bound, tied in ((shared, False), (alone, True)):
        with pytest.raises(CallFailed) as caught:
            await ask(bound)
        assert (caught.value.kind, caught.value.correlated) == (OutcomeKind.NOT_FOUND, tied)


async def test_ids_of_ours_that_tie_an_answer(gateway, wire):
    """The question's own and those of its messages, the earlier ones included; where an id is foreign, a setting says
    that it is no sign of another question, and then it ties nothing."""
    call = Call(QUESTION_ID, "N", 5.0).following().following()
    question = Request(etree.fromstring("<q/>"))
    bound, lenient = await wire(), await wire(foreign_correlation=True)
    await bound.call(question, call)  # the connection has carried another question from here on
    for told, tied in ((QUESTION_ID, True), (call.message_ids[1], True), (call.message_ids[2], True), ("", False)):
        gateway.answer = lambda _, told=told: answer("<a/>", correlation_id=told)
        assert (await bound.call(question, call)).correlated is tied, told
    gateway.answer = lambda _: answer("<a/>", correlation_id="1842771")
    assert not (await lenient.call(question, call)).correlated
    with pytest.raises(CallFailed, match=r"shep\.correlation"):
        await bound.call(question, call)


async def test_another_questions_answer_ends_the_reuse(gateway, wire, ask):
    """Whoever gave one answer to another question is asked over connections of their own, and it is told."""
    bound = await wire()
    gateway.answer = lambda request: answer(request.content, correlation_id="another")
    with pytest.raises(CallFailed, match=r"shep\.correlation"):
        await ask(bound)
    gateway.answer = lambda request: answer(request.content, correlation_id=request.correlation_id)
    await ask(bound)
    assert gateway.headers[-1]["Connection"] == "close"
    (link,) = bound.links()
    assert (link.name, link.counts, link.warning) == ("http.gbdfl", {"unasked": 1}, True)
