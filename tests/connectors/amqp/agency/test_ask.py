"""An agency that answers at once: what it is asked, what a lookup gets, and what becomes of everything else."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from threading import get_ident
from typing import Any

import orjson
import pytest
from lxml import etree
from pydantic import ValidationError

from appealbus.connectors.amqp.agency import AgencySettings, AgencyWire
from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import AmqpSettings
from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Request
from appealbus.core.replies.xmlschema import Checker
from appealbus.schemas.outcome import OutcomeKind
from tests.connectors.amqp.agency.queue_agency import QUEUE, reply_to
from tests.services.processes import PATIENCE
from tests.services.rereading import again

IIN = "750301100019"
QUESTION = etree.fromstring("<q xmlns='urn:r'><number>08-130-001-0001</number></q>")


Question = tuple[Any, Any, Call]


@pytest.fixture
def question(agency: Any, wires: Any, call: Call) -> Question:
    return agency, wires, call


async def failed(wire: Any, call: Call, request: Request | None = None) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await wire.call(request or Request(QUESTION), call)
    assert IIN not in str(caught.value)
    return caught.value


async def test_what_leaves_and_what_comes_back(agency: Any, wires: Any, call: Call) -> None:
    """The question says whose it is by its id alone; the answer comes with its hash and the agency's message id."""
    agency.answer = lambda asked: reply_to(asked, "<a><name>Орал</name></a>".encode())
    reply = await (await wires(type="by_number")).call(Request(QUESTION), call)
    (asked,) = agency.asked
    said = asked.properties
    assert (said.correlation_id, said.message_id, said.type) == (call.question_id, call.question_id, "by_number")
    assert (said.content_type, said.app_id) == ("application/xml", "appealbus")
    assert said.expiration is not None
    assert 0 < said.expiration <= 20
    assert etree.fromstring(asked.body).tag == "{urn:r}q"
    assert reply.body.findtext("name") == "Орал"  # type: ignore[union-attr]
    assert (reply.message_id, reply.raw_sha256) == (
        "theirs-1",
        hashlib.sha256("<a><name>Орал</name></a>".encode()).hexdigest(),
    )


async def test_json(agency: Any, wires: Any, call: Call) -> None:
    """A mapping goes out as JSON, and an object comes back."""
    agency.answer = lambda asked: reply_to(asked, asked.body, "application/json; charset=utf-8")
    reply = await (await wires(format="json")).call(Request({"rka": "1"}), call)
    assert orjson.loads(agency.asked[0].body) == {"rka": "1"} == reply.body


async def test_by_an_exchange(agency: Any, wires: Any, call: Call) -> None:
    """The agency's queue may hang on an exchange of its own."""
    await agency.broker.declare_exchange("registers", "topic")
    await agency.broker.bind_queue(QUEUE, "registers", "land.#")
    agency.answer = reply_to
    await (await wires(exchange="registers", routing_key="land.address")).call(Request(QUESTION), call)
    error = await failed(await wires(exchange="registers", routing_key="sea"), call)
    assert (error.kind, error.code) == (OutcomeKind.UNAVAILABLE, "amqp.unroutable")


BOMB = b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'


Said = tuple[bytes, str, dict[str, Any]]


@pytest.mark.parametrize(
    ("form", "message", "told"),
    [
        ("xml", (b"", "application/xml", {}), "invalid amqp.empty"),
        ("xml", (b"<a>", "application/xml", {}), "invalid xml.malformed"),
        ("xml", (BOMB, "application/xml", {}), "invalid xml.doctype"),
        ("xml", (b"<a>" + b"x" * 3000 + b"</a>", "", {}), "invalid amqp.too_large"),
        ("xml", (b"{}", "application/json", {}), "invalid amqp.content_type"),
        ("xml", ("<a>Орал</a>".encode("cp1251"), "application/xml", {}), "invalid xml.encoding"),
        ("json", (b"[]", "application/json", {}), "invalid amqp.json"),
        ("json", (b"{", "application/json", {}), "invalid amqp.json"),
        ("json", ('{"a": "Орал"}'.encode("cp1251"), "", {}), "invalid amqp.json"),
        ("json", (b"[" * 500 + b"]" * 500, "", {}), "invalid amqp.json"),
        ("json", (b"<a/>", "text/xml", {}), "invalid amqp.content_type"),
        ("xml", (b"", "", {"outcome": "not_found"}), "not_found amqp.not_found"),
        ("xml", (b"", "", {"outcome": "refused", "code": "E-17"}), "refused amqp.refused.E-17"),
        ("xml", (b"", "", {"outcome": "unavailable", "code": 503}), "unavailable amqp.unavailable.503"),
        ("xml", (b"", "", {"outcome": "invalid", "code": IIN}), "invalid amqp.invalid"),
        ("xml", (b"<a/>", "", {"outcome": IIN}), "invalid amqp.outcome"),
        ("xml", (b"<a/>", "", {"outcome": 1}), "invalid amqp.outcome"),
    ],
)
async def test_what_is_no_answer(question: Question, form: str, message: Said, told: str) -> None:
    """Each ends in its own outcome; none repeats a word of the agency."""
    agency, wires, call = question
    agency.answer = lambda asked: reply_to(asked, message[0], message[1], **message[2])
    error = await failed(await wires(format=form, limit=1024), call, Request(QUESTION if form == "xml" else {}))
    assert f"{error.kind.value} {error.code}" == told


@pytest.mark.parametrize(
    "message",
    [
        ("<a>Орал</a>".encode("cp1251"), "application/xml; charset=windows-1251", {}),
        ("<a>Орал</a>".encode(), "", {}),
        ("<a>Орал</a>".encode(), "application/vnd.register+xml", {"outcome": "answer", "code": "anything"}),
    ],
)
async def test_what_is_one(question: Question, message: Said) -> None:
    """An encoding that the message tells counts; a message may say nothing of itself."""
    agency, wires, call = question
    agency.answer = lambda asked: reply_to(asked, message[0], message[1], **message[2])
    assert (await (await wires()).call(Request(QUESTION), call)).body.text == "Орал"  # type: ignore[union-attr]


async def test_a_schema(agency: Any, wires: Any, call: Call, tmp_path: Path) -> None:
    """An answer that breaks it is told by the element's name, never by its value."""
    xsd = tmp_path / "a.xsd"
    xsd.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"><xs:complexType><xs:sequence>'
        '<xs:element name="born" type="xs:date"/></xs:sequence></xs:complexType></xs:element></xs:schema>'
    )
    wire = await wires(xsd=xsd, replies="strict")
    agency.answer = lambda asked: reply_to(asked, b"<a><born>2020-01-02</born></a>")
    await wire.call(Request(QUESTION), call)
    agency.answer = lambda asked: reply_to(asked, f"<a><born>{IIN}</born></a>".encode())
    error = await failed(wire, call)
    assert (error.code, "born" in error.reason) == ("reply.schema", True)
    lenient = await wires(xsd=xsd)
    reply = await lenient.call(Request(QUESTION), call)
    assert (reply.differences, len(reply.gaps)) == ({"born": 1}, 1)
    agency.answer = lambda asked: reply_to(asked, b"<b><born>2020-01-02</born></b>")
    assert (await failed(lenient, call)).code == "reply.schema"
    assert not (await (await wires(xsd=xsd, replies="off")).call(Request(QUESTION), call)).differences
    xsd.write_text("<xs:schema/>")
    with pytest.raises(ConfigError, match=r"sources\.register\.xsd"):
        await wires(xsd=xsd)


async def test_a_schema_is_looked_at_in_a_thread(
    question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern may take a second for one short text, and the loop is everybody's."""
    agency, wires, call = question
    xsd = tmp_path / "a.xsd"
    xsd.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"/></xs:schema>')
    agency.answer = lambda asked: reply_to(asked, b"<a/>")
    threads = []
    real = Checker.take
    monkeypatch.setattr(Checker, "take", lambda *given: [threads.append(get_ident()), real(*given)][1])
    await (await wires(xsd=xsd)).call(Request(QUESTION), call)
    assert threads
    assert get_ident() not in threads


async def test_no_answer(agency: Any, wires: Any, call: Call) -> None:
    """It ends when the call's time is up, and an answer after that is counted by the broker's links."""
    wire = await wires()
    error = await failed(wire, replace(call, timeout=0.3))
    assert (error.kind, error.code) == (OutcomeKind.TIMED_OUT, "amqp.timed_out")
    await agency.say(reply_to(agency.asked[0]), agency.asked[0])
    agency.answer = reply_to
    await wire.call(Request(QUESTION), replace(call, question_id="another"))
    assert sum(link.counts.get("late_replies", 0) for link in wire.links()) == 1


async def test_nobody_serves_the_queue(agency: Any, wires: Any, call: Call) -> None:
    """A queue that is not there is told at once."""
    error = await failed(AgencyWire("register", AgencySettings(queue="register.nowhere"), agency.brokers), call)
    assert (error.kind, error.code) == (OutcomeKind.UNAVAILABLE, "amqp.unroutable")


@pytest.mark.parametrize(("form", "body"), [("xml", {}), ("json", QUESTION), ("json", {"day": object()})])
async def test_a_question_of_the_other_form(agency: Any, wires: Any, call: Call, form: str, body: Any) -> None:
    """It is the lookup's defect, and nothing leaves."""
    error = await failed(await wires(format=form), call, Request(body))
    assert (error.kind, error.code, agency.asked) == (OutcomeKind.INVALID, "amqp.question", [])


async def until(wire: Any, *, ok: bool) -> Health:
    async with asyncio.timeout(PATIENCE):
        while (health := await wire.health()).ok is not ok:
            await asyncio.sleep(0.05)
    return health


async def test_health(agency: Any, wires: Any) -> None:
    """Who takes from the queue is seen without asking anybody anything."""
    wire = await wires()
    assert (await until(wire, ok=True)).detail == "1 take from the queue; 0 questions wait in register.questions"
    await agency.consumer.stop(0)
    health = await until(wire, ok=False)
    assert health.detail.startswith("nobody takes from the queue as far as the broker knows now; 0 questions wait")
    nowhere = AgencyWire("register", AgencySettings(queue="register.nowhere"), agency.brokers)
    assert not (await nowhere.health()).ok


async def test_a_broker_that_is_not_there(call: Call) -> None:
    """Without a connection a question is unavailable, and health says so."""
    wire = AgencyWire("register", AgencySettings(queue=QUEUE), Brokers(AmqpSettings()))
    assert (await failed(wire, call)).code == "amqp.unreachable"
    assert not (await wire.health()).ok
    with pytest.raises(ConfigError, match="there is no broker 'other'"):
        AgencyWire("register", AgencySettings(queue=QUEUE, broker="other"), Brokers(AmqpSettings()))


@pytest.mark.parametrize(
    "given",
    [{}, {"queue": "q", "exchange": "e", "routing_key": "k"}, {"exchange": "e"}, {"queue": "q", "routing_key": "k"}],
)
def test_where_to(given: dict[str, str]) -> None:
    """A queue, or an exchange with a routing key."""
    with pytest.raises(ValidationError):
        AgencySettings.model_validate(given)


def test_describe() -> None:
    """`check` says what a source is bound to."""
    brokers = Brokers(AmqpSettings(prefix="akimat"))
    later = AgencyWire("register", AgencySettings(queue="q", answers=True), brokers)
    assert later.describe() == "xml to q of the broker main; answers come to akimat.answers.register"


async def test_a_kept_answer_is_read_again(agency: Any, wires: Any, call: Call) -> None:
    """With its headers and its media type, and without a question."""
    wire, came = await wires(format="json"), []
    agency.answer = lambda asked: reply_to(asked, asked.body, "application/json; charset=utf-8")
    reply = await wire.call(Request({"rka": "1"}), replace(call, came=came.append))
    assert hashlib.sha256(came[0].body).hexdigest() == reply.raw_sha256
    assert await wire.call(Request({"rka": "1"}), again(call, came[0])) == reply
    assert len(agency.asked) == 1
