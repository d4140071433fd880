"""Sources whose answers come by themselves: one question, one answer, one more version, in whatever order they meet."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, From, Outcome, OutcomeKind, Reply, Request, Taken, found
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.work import case_run
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.access import Served
from appealbus.core.domain.case import LookupState
from appealbus.core.domain.listing import AppealState
from appealbus.core.enrichment.retry import next_attempt
from appealbus.core.interfaces.answer import Answer, Answers, Kept
from appealbus.core.journal import access, awaiting
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from tests.core.kit import Receiver, ScriptedWire, Thing, dossier, lookup, message, reply, running_bus
from tests.services.processes import PATIENCE

GOOD, BROKEN = b"good", b"broken"


class LaterWire(ScriptedWire):
    """Sends, and leaves the answer to the test. `on_sent` runs while the call is still on its way."""

    answers_async = True

    def __init__(self, within: float = 3600.0) -> None:
        super().__init__()
        self.within = within
        self.sent: list[Call] = []
        self.read: list[Call] = []
        self.bus: Answers
        self.on_sent: Callable[[Call], Awaitable[Any]] | None = None

    async def listen(self, answers: Answers) -> None:
        self.bus = answers

    async def call(self, request: Request, call: Call) -> Reply:
        if call.answer is not None:
            self.read.append(call)
            if call.answer.body == BROKEN:
                raise CallFailed(OutcomeKind.INVALID, "test.broken", "the answer is broken")
            return reply()
        self.sent.append(call)
        if self.on_sent is not None:
            await self.on_sent(call)
        raise CallFailed(OutcomeKind.AWAITING, "test.awaiting", "the answer comes later", retry_after=self.within)

    async def answer(self, body: bytes = GOOD, call: int = -1) -> Kept:
        return await self.bus.answered("s", Answer(self.sent[call].question_id, body))


LOOKUP = lookup("s.thing", x=From("repeats[*]"))
FAST = {"retry": {"first": "50ms", "max": "50ms", "awaiting": "10ms"}}


async def taken(bus: Bus, *repeats: str) -> str:
    got = await bus.accept(message(repeats=list(repeats or ("a",))))
    assert isinstance(got, Taken)
    await bus.settle()
    return got.receipt.number


async def ended(bus: Bus, number: str, kind: OutcomeKind) -> list[LookupState]:
    """Wait until every question of the appeal has ended so, and its dossier tells it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await bus.settle()
            states = await bus.journal.ask(cases.states, number)
            if states and all(state.kind is kind for state in states):
                return states
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def _fresh_receivers() -> None:
    Receiver.got.clear()


async def test_the_answer_resumes_the_appeal(tmp_path: Path) -> None:
    """It is parked till the wire's own deadline; the answer makes the next version, and nothing more is asked."""
    wire = LaterWire()
    async with running_bus(tmp_path, LOOKUP, wire=wire) as bus:
        number = await taken(bus)
        (state,) = await bus.journal.ask(cases.states, number)
        assert (state.kind, state.code, state.attempts, state.runs) == (OutcomeKind.AWAITING, "test.awaiting", 1, 1)
        assert state.next_attempt_at is not None
        pause = state.next_attempt_at - state.ended_at  # by the journal's clock, which is looked at a moment later
        assert timedelta(hours=1) <= pause < timedelta(hours=1, seconds=PATIENCE)
        assert await wire.answer() is Kept.STORED
        (state,) = await ended(bus, number, OutcomeKind.FOUND)
        assert (state.attempts, state.runs, len(wire.sent), len(wire.read)) == (1, 1, 1, 1)
        told = await dossier(bus, number)
        assert (told.version, [fact.provenance.question_id for fact in told.facts]) == (2, [wire.sent[0].question_id])
        assert told.facts[0].provenance.asked_at == state.asked_at
        # The one row in the access log covers the question and its answer: they have the same id.
        rows = await bus.journal.ask(access.access_rows, number)
        assert [(row.question_id, row.served) for row in rows] == [(wire.sent[0].question_id, Served.SOURCE)]
        # Later copies of the answer find nobody who waits.
        assert await wire.answer() is Kept.UNKNOWN
        assert {(name, result): count for name, result, count in bus.answers} == {
            ("s", "stored"): 1,
            ("s", "unknown"): 1,
        }


async def test_an_answer_that_is_faster_than_we(tmp_path: Path) -> None:
    """It comes before the call has returned, before anything is kept of the question, and twice."""
    wire = LaterWire()
    kept: list[Kept] = []

    async def at_once(call: Call) -> None:
        kept.extend([await wire.answer(), await wire.answer()])

    wire.on_sent = at_once
    async with running_bus(tmp_path, LOOKUP, wire=wire) as bus:
        number = await taken(bus)
        await ended(bus, number, OutcomeKind.FOUND)
    assert kept == [Kept.STORED, Kept.AGAIN]
    assert len(wire.sent) == 1


async def test_an_answer_while_the_appeal_is_in_work_for_another_question(tmp_path: Path) -> None:
    """The run ends as it began, and the next one follows at once instead of at the next attempt."""
    wire = LaterWire()
    going, go_on = asyncio.Event(), asyncio.Event()

    async def slow(query: Any, source: Any) -> Outcome[Any]:
        going.set()
        await go_on.wait()
        return found(Thing(name="slow"))

    other = lookup("s.slow", slow, x=From("repeats[*]"))
    async with running_bus(tmp_path, LOOKUP, other, wire=wire) as bus:
        accepting = asyncio.create_task(taken(bus))
        await going.wait()
        while not wire.sent:
            await asyncio.sleep(0.01)
        assert await wire.answer() is Kept.STORED
        assert [row.state for row in await bus.journal.ask(lists.appeals)] == [AppealState.IN_WORK]
        go_on.set()
        await ended(bus, await accepting, OutcomeKind.FOUND)
    assert len(wire.sent) == 1


async def test_an_answer_during_a_run_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would ask again, as the appeal is too old; the answer is read all the same."""
    wire = LaterWire()
    monkeypatch.setattr(case_run, "after_defect", lambda *_, **__: None)
    async with running_bus(tmp_path, LOOKUP, wire=wire) as bus:
        conclude = bus.journal.conclude

        async def raises(*args: Any, **given: Any) -> bool:
            monkeypatch.setattr(bus.journal, "conclude", conclude)
            assert await wire.answer() is Kept.STORED
            raise ValueError

        monkeypatch.setattr(bus.journal, "conclude", raises)
        number = await taken(bus)
        await ended(bus, number, OutcomeKind.FOUND)


async def test_no_answer_in_time(tmp_path: Path) -> None:
    """The question is put anew under a new id, with a row of its own; an answer to either counts, once."""
    wire = LaterWire(within=0.05)

    async def no_more_after_three(call: Call) -> None:  # the first would be forgotten once more are out than count
        if len(wire.sent) == 3:
            wire.within = 3600.0

    wire.on_sent = no_more_after_three
    async with running_bus(tmp_path, LOOKUP, wire=wire) as bus:
        number = await taken(bus)
        async with asyncio.timeout(PATIENCE):
            while len(wire.sent) < 3:
                await asyncio.sleep(0.02)
        ids = [call.question_id for call in wire.sent]
        assert len(set(ids)) == len(ids)
        assert await wire.answer(call=0) is Kept.STORED
        await ended(bus, number, OutcomeKind.FOUND)
        assert (await dossier(bus, number)).facts[0].provenance.question_id == ids[0]
        assert await wire.answer(call=1) is Kept.UNKNOWN
        asked = [row.question_id for row in await bus.journal.ask(access.access_rows, number)]
        assert sorted(asked) == sorted(call.question_id for call in wire.sent)


async def test_a_broken_answer(tmp_path: Path) -> None:
    """It ends in invalid and goes; the question is put anew as any that failed, and its own answer counts."""
    wire = LaterWire()
    async with running_bus(tmp_path, LOOKUP, wire=wire, **FAST) as bus:
        number = await taken(bus)
        await wire.answer(BROKEN)
        async with asyncio.timeout(PATIENCE):
            while len(wire.sent) < 2:
                await asyncio.sleep(0.02)
        await bus.settle()
        assert [state.kind for state in await bus.journal.ask(cases.states, number)] == [OutcomeKind.AWAITING]
        assert (await dossier(bus, number)).version == 1  # that it waits once more is no news
        assert await wire.answer(GOOD, call=0) is Kept.UNKNOWN
        assert await wire.answer(GOOD, call=1) is Kept.STORED
        await ended(bus, number, OutcomeKind.FOUND)
    assert len(wire.sent) == 2


async def test_each_question_has_its_own(tmp_path: Path) -> None:
    """Two appeals that ask the same, and one that asks twice: no answer serves another question."""
    wire = LaterWire()
    async with running_bus(tmp_path, LOOKUP, wire=wire) as bus:
        first = await taken(bus, "a", "b")
        got = await bus.accept(message("m-2", repeats=["a"]))
        assert isinstance(got, Taken)
        await bus.settle()
        assert len(wire.sent) == 3
        theirs = next(i for i, call in enumerate(wire.sent) if call.number == got.receipt.number)
        await wire.answer(call=theirs)
        await ended(bus, got.receipt.number, OutcomeKind.FOUND)
        assert {state.kind for state in await bus.journal.ask(cases.states, first)} == {OutcomeKind.AWAITING}
        mine = [i for i in range(3) if i != theirs]
        await wire.answer(call=mine[0])
        async with asyncio.timeout(PATIENCE):
            while (await dossier(bus, first)).version < 2:
                await asyncio.sleep(0.02)
        kinds = sorted(state.kind.value for state in await bus.journal.ask(cases.states, first))
        assert kinds == ["awaiting", "found"]
        await wire.answer(call=mine[1])
        await ended(bus, first, OutcomeKind.FOUND)


async def test_given_up_is_not_forgotten(tmp_path: Path) -> None:
    """After `give_up_after` nobody asks any more, but an answer that comes then still counts."""
    wire = LaterWire(within=3600.0)
    async with running_bus(tmp_path, LOOKUP, wire=wire, retry={"give_up_after": "1s"}) as bus:
        number = await taken(bus)
        (state,) = await bus.journal.ask(cases.states, number)
        assert (state.kind, state.next_attempt_at) == (OutcomeKind.AWAITING, None)
        assert [row.state for row in await bus.journal.ask(lists.appeals)] == [AppealState.IDLE]
        await wire.answer()
        await ended(bus, number, OutcomeKind.FOUND)


async def test_the_bus_restarts_in_between(tmp_path: Path) -> None:
    """What one process asked, the next one is told, and asks nothing; so too where only the journal was there."""
    first, second, third = LaterWire(), LaterWire(), LaterWire()
    async with running_bus(tmp_path, LOOKUP, wire=first) as bus:
        number = await taken(bus, "a", "b")
    async with await Journal.open(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        # Stored by a process that died before it could acknowledge: the broker brings it again.
        answer = Answer(first.sent[0].question_id, GOOD)
        assert await journal.do(awaiting.Answered("s", answer)) is Kept.STORED
        assert await journal.do(awaiting.Answered("s", answer)) is Kept.AGAIN
    async with running_bus(tmp_path, LOOKUP, wire=second) as bus:
        async with asyncio.timeout(PATIENCE):
            while (await dossier(bus, number)).version < 2:
                await asyncio.sleep(0.02)
        assert await second.bus.answered("s", answer) is Kept.UNKNOWN
    async with running_bus(tmp_path, LOOKUP, wire=third) as bus:
        third.sent = first.sent
        assert await third.answer(call=1) is Kept.STORED
        await ended(bus, number, OutcomeKind.FOUND)
    assert (len(first.sent), len(second.sent), len(third.read)) == (2, 0, 1)


async def test_a_lookup_that_wants_two_answers_is_told(tmp_path: Path) -> None:
    """There is one answer to a question: the second call gets none, and sends nothing."""

    async def twice(query: Any, source: Any) -> Outcome[Any]:
        await source.call(Request({}))
        await source.call(Request({}))
        return found(Thing(name="both"))

    wire = LaterWire()
    made = lookup("s.twice", twice, x=From("repeats[*]"))
    async with running_bus(tmp_path, made, wire=wire, retry={"first": "1h", "max": "1h"}) as bus:
        number = await taken(bus)
        await wire.answer()
        (state,) = await ended(bus, number, OutcomeKind.INVALID)
        assert (state.code, len(wire.sent), len(wire.read)) == ("answer.single", 1, 1)


def test_whose_word_the_pause_is() -> None:
    """The wire's own deadline, else the setting; beyond `give_up_after` there is no further attempt."""
    now = datetime.now(UTC)
    state = LookupState("a.a", "", OutcomeKind.AWAITING, now, runs=1)
    settings = RetrySettings(awaiting=60, max=10, give_up_after=3600)
    assert next_attempt(settings, state, now, None) == now + timedelta(seconds=60)
    assert next_attempt(settings, state, now, 1800.0) == now + timedelta(seconds=1800)
    assert next_attempt(settings, state, now, 3601.0) is None
    assert next_attempt(settings, state, now, 0.0) == now + timedelta(seconds=settings.first)  # or without end


class Endless(LaterWire):
    """Never comes to an end with an answer, and takes no cancellation."""

    async def call(self, request: Request, call: Call) -> Reply:
        while call.answer is not None and not self.over:
            self.read.append(call)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.2)
        return await super().call(request, call)

    over = False


async def test_reading_an_answer_ends_with_the_budget(tmp_path: Path) -> None:
    """A plugin that hangs over it holds up neither its appeal nor the end of the bus; the answer is kept."""
    wire = Endless()
    tables: dict[str, Any] = {"completeness": {"default": {"wait": "300ms"}}, "retry": {"first": "1h"}}
    async with running_bus(tmp_path, LOOKUP, wire=wire, bus={"grace": 0.1}, **tables) as bus:
        number = await taken(bus, "a")
        await wire.answer()
        (state,) = await ended(bus, number, OutcomeKind.TIMED_OUT)
        assert (state.code, state.attempts) == ("budget.spent", 1)
        case = await bus.journal.ask(cases.case, number)
        assert case
        assert len(await bus.journal.ask(awaiting.answers, case.appeal_id)) == 1
        async with asyncio.timeout(PATIENCE):
            await bus.stop()
        wire.over = True
