"""An agency whose answers come hours later, on a queue of their own: the whole way, over a broker and a journal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from lxml import etree

from appealbus.connectors.amqp.agency import AgencySettings, AgencyWire
from appealbus.connectors.amqp.agency.async_answers import Listener, packed
from appealbus.connectors.amqp.topology import answers_of
from appealbus.connectors.amqp.topology.by_amqp import declare_in_memory
from appealbus.connectors.broker.broker import BrokerRefused, Delivered, Message, Properties
from appealbus.core import Call, CallFailed, Inbound, Request, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.journal import access, documents
from appealbus.schemas import Dossier
from tests.connectors.amqp.agency.queue_agency import QUEUE, asking_bus, reply_to
from tests.services.processes import PATIENCE
from tests.services.rabbitmq import Vhost

ORAL = "<a><name>Орал</name></a>".encode()
ANSWERS = "appealbus.answers.register"


@pytest.fixture
async def later(agency: Any) -> AsyncIterator[Any]:
    """The agency, with the queue that its answers go to."""
    await agency.brokers.start(agency.broker, answers_of(agency.brokers.names, "register"))
    await until(lambda: _there(agency))
    yield agency
    await agency.brokers.close(agency.broker)


async def _there(agency: Any) -> bool:
    try:
        await agency.broker.declare_queue(ANSWERS, passive=True)
    except BrokerRefused:
        return False
    return True


async def until(true: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (got := await true()):
            await asyncio.sleep(0.02)
    return got


async def accepted(bus: Bus, message_id: str = "m-1", *numbers: str) -> str:
    body = {"message_id": message_id, "kind": "complaint", "applicant": {"type": "person"}}
    taken = await bus.accept(Inbound("test", message_id, orjson.dumps({**body, "repeats": numbers or ("1",)})))
    assert isinstance(taken, Taken)
    await bus.settle()
    return taken.receipt.number


async def ended(bus: Bus, number: str, *told: str) -> Dossier:
    """Wait until the newest dossier tells these outcomes."""

    async def as_told() -> Dossier | None:
        made = Dossier.model_validate_json(await bus.journal.ask(documents.whole, number) or b"")
        outcomes = sorted(f"{each.outcome.value} {each.code}".strip() for each in made.outcomes)
        return made if outcomes == sorted(told) else None

    return await until(as_told)


def counts(bus: Bus) -> dict[str, int]:
    return next(dict(link.counts) for link in bus.links() if link.name == "answers.register")


async def test_asked_now_and_answered_later(later: Any, tmp_path: Path) -> None:
    """The question stays in the agency's queue as long as it takes; its answer completes the dossier."""
    async with asking_bus(tmp_path, later.brokers, answers=True, answer_within="2d") as bus:
        number = await accepted(bus)
        await ended(bus, number, "awaiting amqp.awaiting")
        (asked,) = await until(lambda: _of(later.asked))
        said = asked.properties
        assert (said.reply_to, said.expiration, said.persistent) == (ANSWERS, None, True)
        (row,) = await bus.journal.ask(access.access_rows, number)
        assert row.question_id == said.correlation_id == said.message_id
        await later.say(reply_to(asked, ORAL), asked)
        made = await ended(bus, number, "found")
        assert (made.version, made.completeness.value, made.facts[0].record.name) == (2, "complete", "Орал")  # type: ignore[attr-defined]
        assert made.facts[0].provenance.message_id == "theirs-1"
        assert len(later.asked) == 1


async def _of(found: list[Any]) -> list[Any]:
    return found


async def test_faster_than_the_confirmation(later: Any, tmp_path: Path) -> None:
    """An agency that answers at once, and twice, may overtake everything; each question ends once."""
    later.answer = lambda asked: reply_to(asked, ORAL)
    async with asking_bus(tmp_path, later.brokers, answers=True) as bus:
        number = await accepted(bus, "m-1", *map(str, range(20)))
        await ended(bus, number, *["found"] * 20)
        for asked in later.asked:
            await later.say(reply_to(asked, b"<other/>"), asked)
        await until(lambda: _true(sum(counts(bus).values()) == 40))
        assert counts(bus)["stored"] == 20
        await ended(bus, number, *["found"] * 20)
        assert len(later.asked) == 20


async def _true(value: object) -> object:
    return value


async def test_what_nobody_waits_for(later: Any, tmp_path: Path) -> None:
    """Strangers' ids, none at all, and garbage are counted and dropped; the queue is empty and goes on being read."""
    async with asking_bus(tmp_path, later.brokers, answers=True) as bus:
        number = await accepted(bus)
        (asked,) = await until(lambda: _of(later.asked))
        for correlation in ("7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c", "", "нет такого", "x" * 250):
            await later.broker.publish(Message(b"\x00", Properties(correlation_id=correlation), "", ANSWERS))
        await later.say(reply_to(asked, ORAL), asked)
        await ended(bus, number, "found")
        await later.say(reply_to(asked, ORAL), asked)
        await until(lambda: _true(counts(bus) == {"unknown": 5, "stored": 1}))
        await until(lambda: _empty(later))


async def _empty(later: Any) -> bool:
    return bool((await later.broker.declare_queue(ANSWERS, passive=True)).messages == 0)


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (b"", {"outcome": "not_found", "code": 17}, "not_found amqp.not_found.17"),
        (b"", {"outcome": "refused"}, "refused amqp.refused"),
        (b"<a/>", {}, "not_found"),
    ],
)
async def test_an_answer_that_ends_it_otherwise(
    later: Any, tmp_path: Path, body: bytes, headers: dict[str, Any], told: str
) -> None:
    """What the agency says of the question counts hours later as it does at once."""
    later.answer = lambda asked: reply_to(asked, body, **headers)
    async with asking_bus(tmp_path, later.brokers, answers=True) as bus:
        await ended(bus, await accepted(bus), told)


@pytest.mark.parametrize("body", [b"<a>", b"x" * 2000, "<a><name>Орал</name></a>".encode("cp1251")])
async def test_a_broken_answer_is_asked_for_again(later: Any, tmp_path: Path, body: bytes) -> None:
    """It ends in invalid for now; the question is put under a new id, whose answer counts."""
    later.answer = lambda asked: reply_to(asked, body if len(later.asked) == 1 else ORAL)
    async with asking_bus(tmp_path, later.brokers, answers=True, limit=1024) as bus:
        await ended(bus, await accepted(bus), "found")
        first, second = later.asked
        assert first.properties.correlation_id != second.properties.correlation_id
        assert len(await bus.journal.ask(access.access_rows)) == 2


async def test_answered_while_the_bus_is_down(later: Any, tmp_path: Path) -> None:
    """The answer waits in its queue for the next process, which asks nothing."""
    async with asking_bus(tmp_path, later.brokers, answers=True) as bus:
        number = await accepted(bus)
        (asked,) = await until(lambda: _of(later.asked))
    await later.say(reply_to(asked, ORAL), asked)
    async with asking_bus(tmp_path, later.brokers, answers=True) as bus:
        await ended(bus, number, "found")
    assert len(later.asked) == 1


async def test_nowhere_to_answer_to(agency: Any) -> None:
    """As long as the queue of answers is not there, nothing is sent: the answer would be lost."""
    wire = AgencyWire("register", AgencySettings(queue=QUEUE, answers=True), agency.brokers)
    assert (await code_of(wire), agency.asked) == ("amqp.no_answers_queue", [])
    await agency.broker.declare_queue(ANSWERS)
    assert await code_of(wire) == "amqp.awaiting"
    await until(lambda: _of(agency.asked))


@pytest.mark.parametrize("agency", ["rabbit"], indirect=True)
async def test_nowhere_to_answer_to_any_more(later: Any, vhost: Vhost) -> None:
    """The queue of answers is deleted while the bus runs: nothing is sent until it is there again."""
    wire = AgencyWire("register", AgencySettings(queue=QUEUE, answers=True), later.brokers)
    await wire.listen(Journals(0))
    assert await code_of(wire) == "amqp.awaiting"
    await until(lambda: _of(later.asked))

    async def refused() -> bool:
        # The keeper of the topology may have been about to compare the queue, and made it again.
        with vhost.channel() as channel:
            channel.queue_delete(ANSWERS)
        return await code_of(wire) == "amqp.no_answers_queue"

    await until(refused)
    before = len(later.asked)
    assert await refused()
    await later.broker.declare_queue(ANSWERS)
    assert await code_of(wire) == "amqp.awaiting"
    await until(lambda: _true(len(later.asked) == before + 1))
    await wire.close()


async def code_of(wire: AgencyWire) -> str:
    with pytest.raises(CallFailed) as caught:
        await wire.call(Request(etree.Element("q")), Call("q-1", "TEST-1", 20.0))
    return caught.value.code


async def test_what_the_broker_gave_up_on_comes_by_itself(agency: Any, tmp_path: Path) -> None:
    """An answer whose own time ran out while no worker was there, and one that workers gave back too often."""
    names = agency.brokers.names
    await declare_in_memory(agency.broker, answers_of(names, "register"))
    async with asking_bus(tmp_path, agency.brokers, answers=True) as bus:
        number = await accepted(bus, "m-1", "1", "2")
        await until(lambda: _true(len(agency.asked) == 2))
    expired, returned = (reply_to(asked, ORAL) for asked in agency.asked)
    expired = replace(expired, properties=replace(expired.properties, expiration=0.05))
    for answer in (expired, returned):
        await agency.say(answer, agency.asked[0])

    async def give_back(delivered: Delivered) -> None:
        delivered.requeue()

    async def both_dead() -> bool:
        return bool((await agency.broker.declare_queue(names.dead_answers("register"), passive=True)).messages == 2)

    consumer = await agency.broker.consume(ANSWERS, give_back, prefetch=1)
    await until(both_dead)
    await consumer.stop(0)
    async with asking_bus(tmp_path, agency.brokers, answers=True) as bus:
        await ended(bus, number, "found", "found")
        assert counts(bus) == {"stored": 2}
        assert await _empty(agency)
        await until(lambda: _not(both_dead))
    assert len(agency.asked) == 2


async def _not(told: Callable[[], Awaitable[bool]]) -> bool:
    return not await told()


async def test_nobody_takes_questions(later: Any, tmp_path: Path) -> None:
    """A question that no queue takes has not left: it ends as unavailable, not in a wait for nothing."""
    async with asking_bus(tmp_path, later.brokers, answers=True, queue="register.nowhere") as bus:
        await ended(bus, await accepted(bus), "unavailable amqp.unroutable")


class Journals:
    """Fails a few times, then keeps."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.kept: list[Answer] = []

    async def answered(self, source: str, answer: Answer) -> Kept:
        if self.failures:
            self.failures -= 1
            raise JournalError("the disk is full", "disk_full")
        self.kept.append(answer)
        return Kept.STORED


async def test_a_journal_that_cannot_be_written(later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is held, not given back, and is acknowledged once it is kept."""
    monkeypatch.setattr("appealbus.connectors.amqp.agency.async_answers._PAUSE", 0.01)
    journal = Journals(5)
    listener = Listener("register", [ANSWERS], 1024)
    await listener.start(later.broker, journal)
    await later.broker.publish(Message(ORAL, Properties(correlation_id="q"), "", ANSWERS))
    await until(lambda: _of(journal.kept))
    await until(lambda: _empty(later))
    await listener.stop()
    assert ([answer.body for answer in journal.kept], dict(listener.counts)) == ([ORAL], {"stored": 1})


def test_what_is_kept_of_a_message() -> None:
    """Its id, its type, what it says of the question; of a body that is too large, only that it was."""
    asked = Message(b"", Properties(correlation_id="q"))
    answer = packed(reply_to(asked, b"x" * 11, outcome="answer\udc80", other="no", code="y" * 101), 10)
    assert (answer.question_id, answer.body) == ("q", b"")
    assert orjson.loads(answer.head) == {
        "message_id": "theirs-1",
        "content_type": "application/xml",
        "headers": {"outcome": "answer\ufffd", "code": "y" * 100},
        "too_large": True,
    }
    small = packed(reply_to(asked, b"x", code=7), 10)
    assert (small.body, orjson.loads(small.head)["headers"]) == (b"x", {"outcome": None, "code": 7})
