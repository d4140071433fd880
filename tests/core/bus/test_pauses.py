"""A source stands still and comes back: nothing leaves, nothing is complete without it, and what waited is taken in."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, From, Outcome, OutcomeKind, Reply, Request, Source, Taken, clocks, found
from appealbus.core.bus.work import source_watch
from appealbus.core.bus.work.source_watch import _Pass
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.pauses import Pause, Period
from appealbus.core.journal import figures, log, pauses, waiting
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.schemas import Completeness
from tests.core.kit import ScriptedWire, Thing, dossier, lookup, message, reply, running_bus
from tests.services.day import today
from tests.services.processes import PATIENCE

ONE = lookup("s.thing", x=From("repeats[*]"))

SLOWLY = {"first": 3600, "max": 3600}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look five times a second, so that nobody waits a second for each look."""
    monkeypatch.setattr(source_watch, "_POLL", 0.2)


def order(minutes: float = 60) -> Pause:
    now = clocks.wall()
    return Pause("s", now, now + timedelta(minutes=minutes), "they mend the database", "olga")


async def until(wanted: Callable[[], Any], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = wanted()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)


async def test_a_paused_source_is_not_asked_and_nothing_is_complete_without_it(tmp_path: Path) -> None:
    """Its questions are parked until exactly then with the person's reason; resumed, they are asked within seconds."""
    wire = ScriptedWire(lambda request, call: reply())
    async with running_bus(tmp_path, ONE, wire=wire, retry=SLOWLY) as bus:
        given = order()
        await bus.journal.do(pauses.Pausing(given))
        await until(lambda: bus.guards["s"].state().paused_until)
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        number = taken.receipt.number
        await bus.settle()
        made = await dossier(bus, number)
        assert made.completeness is Completeness.PARTIAL
        (outcome,) = made.outcomes
        assert (outcome.outcome, outcome.code) == (OutcomeKind.UNAVAILABLE, "source.paused")
        assert "they mend the database" in outcome.reason
        (state,) = await bus.journal.ask(cases.states, number)
        assert state.next_attempt_at == given.until
        assert len(wire.asked) == 0
        assert bus.guards["s"].state().breaker == "closed"
        found, count = await bus.journal.ask(waiting.endangered, "s", None, clocks.day_of(clocks.wall()), 5)
        assert (found, count) == ([], 0)  # it has no date

        assert await bus.journal.do(pauses.Resuming("s", by="olga"))
        assert not await bus.journal.do(pauses.Resuming("s", by="olga"))
        await until(lambda: _is_complete(bus, number))
        assert len(wire.asked) == 1
        entries = (await bus.journal.ask(log.page, limit=1000)).entries
        words = [(each.what, each.actor, each.about) for each in entries if each.what in ("paused", "resumed")]
        assert words == [("paused", "person:olga", "s"), ("resumed", "person:olga", "s")]
        assert [each.about for each in entries if each.what == "retried"] == ["s"]


async def _is_complete(bus: Any, number: str) -> bool:
    return (await dossier(bus, number)).completeness is Completeness.COMPLETE


@pytest.mark.proof
async def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    """At its time the source is asked, the pause is gone, and the log says that nobody did it."""
    async with running_bus(tmp_path, ONE) as bus:
        await bus.journal.do(pauses.Pausing(order(minutes=0.04)))
        await until(lambda: bus.guards["s"].state().paused_until)
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        await until(lambda: _is_complete(bus, taken.receipt.number))
        await until(lambda: _no_pause(bus))
        entries = (await bus.journal.ask(log.page, limit=1000)).entries
        assert [each.actor for each in entries if each.what == "resumed"] == ["bus"]


async def _no_pause(bus: Any) -> bool:
    return not (await bus.journal.ask(pauses.news)).pauses


async def test_what_was_parked_while_the_breaker_was_open_is_taken_in(tmp_path: Path) -> None:
    """Once one question is answered, the others follow at once, though their own pauses last for an hour."""
    down = [True]

    def script(request: Request, call: Call) -> Reply:
        if down[0]:
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    source = {"connector": "scripted", "guard": {"attempts": 1, "breaker_failures": 2, "breaker_open": 0.5}}
    wire = ScriptedWire(script)
    async with running_bus(tmp_path, ONE, wire=wire, sources={"s": source}, retry=SLOWLY) as bus:
        for n in range(6):
            await bus.accept(message(f"m{n}", repeats=[str(n)]))
        await bus.settle()
        assert bus.guards["s"].state().breaker != "closed"
        assert len(await bus.journal.ask(lists.appeals, state=AppealState.PARKED)) == 6
        down[0] = False
        await until(lambda: bus.guards["s"].state().breaker == "half_open")
        await bus.accept(message("probe", repeats=["p"]))
        await until(lambda: _idle(bus, 7))


async def _idle(bus: Any, count: int) -> bool:
    return (await bus.journal.ask(figures.counts)).idle == count


async def test_no_more_calls_leave_than_the_quota_has(tmp_path: Path) -> None:
    """Two of five questions are put; the others wait until midnight in Kazakhstan, a part of it for the urgent."""
    due_on = today().isoformat()
    wire = ScriptedWire(lambda request, call: reply())
    guard = {"attempts": 1, "quota_day": 3, "quota_reserve": 0.3}
    source = {"connector": "scripted", "guard": guard}
    async with running_bus(tmp_path, ONE, wire=wire, sources={"s": source}, retry=SLOWLY) as bus:
        numbers = []
        for n in range(5):
            taken = await bus.accept(message(f"m{n}", repeats=[str(n)]))
            assert isinstance(taken, Taken)
            numbers.append(taken.receipt.number)
        await bus.settle()
        begins = Period.DAY.ends(Period.DAY.begins(clocks.wall()))
        async with asyncio.timeout(20):
            # Since the bus has just started, it may look once more whether they can be put.
            while True:
                states = [state for number in numbers for state in await bus.journal.ask(cases.states, number)]
                if [each.next_attempt_at for each in states if each.code == "source.quota"] == [begins] * 3:
                    break
                await asyncio.sleep(0.05)
        assert len(wire.asked) == 2
        await bus.accept(message("urgent", repeats=["u"], due_on=due_on))
        await bus.settle()
        assert len(wire.asked) == 3
        assert bus.guards["s"].state().quota_left == {"day": 0}
        assert bus.guards["s"].state().breaker == "closed"


@pytest.mark.proof
async def test_all_workers_obey_and_another_one_takes_in(tmp_path: Path, journal_database: str) -> None:
    """Two workers hear of a pause; the one that would take in is gone, and what waited is asked all the same."""
    wire = ScriptedWire(lambda request, call: reply())
    given = {"bus": {"journal": journal_database, "grace": 1}, "retry": SLOWLY}
    async with running_bus(tmp_path, ONE, wire=wire, **given) as second:
        async with running_bus(tmp_path, ONE, wire=wire, **given) as first:
            await first.journal.do(pauses.Pausing(order()))
            for bus in (first, second):
                await until(lambda bus=bus: bus.guards["s"].state().paused_until)
            for n in range(20):
                await first.accept(message(f"m{n}", repeats=[str(n)]))
            await until(lambda: _parked(second, 20))
            assert len(wire.asked) == 0
            await first.journal.do(pauses.Resuming("s", by="olga"))
        await until(lambda: _idle(second, 20))
        assert len(wire.asked) == 20


async def _parked(bus: Any, count: int) -> bool:
    return (await bus.journal.ask(figures.counts)).parked == count


async def test_a_breaker_that_was_open_at_the_end_is_known_at_the_start(tmp_path: Path) -> None:
    """One process alone keeps its breaker in memory; what it had parked is taken in by the next one all the same."""

    def down(request: Request, call: Call) -> Reply:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")

    source = {"connector": "scripted", "guard": {"attempts": 1, "breaker_failures": 2}}
    given: dict[str, Any] = {"sources": {"s": source}, "retry": SLOWLY}
    async with running_bus(tmp_path, ONE, wire=ScriptedWire(down), **given) as bus:
        for n in range(6):
            await bus.accept(message(f"m{n}", repeats=[str(n)]))
        await until(lambda: _parked(bus, 6))
        assert bus.guards["s"].state().breaker == "open"
    async with running_bus(tmp_path, ONE, **given) as bus:
        await until(lambda: _idle(bus, 6))


@pytest.mark.proof
async def test_what_was_asked_again_in_vain_is_taken_in_too_and_not_once_a_second(tmp_path: Path) -> None:
    """A refresh that a pause held back is put once the source is back; what stays stale keeps its own time."""
    down = [False]

    def script(request: Request, call: Call) -> Reply:
        if down[0]:
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    guard = {"attempts": 1, "breaker_failures": 100, "fresh": 0.001, "stale": 3600}
    source, wire = {"connector": "scripted", "guard": guard}, ScriptedWire(script)
    async with running_bus(tmp_path, ONE, wire=wire, sources={"s": source}, retry=SLOWLY) as bus:
        first = await bus.accept(message("a", repeats=["x"]))
        assert isinstance(first, Taken)
        await bus.settle()
        await bus.journal.do(pauses.Pausing(order()))
        await until(lambda: bus.guards["s"].state().paused_until)
        stale = await bus.accept(message("b", repeats=["x"]))
        assert isinstance(stale, Taken)
        await bus.settle()
        await bus.journal.do(leases.Retry(first.receipt.number, refresh=True))
        await until(lambda: _has_code(bus, first.receipt.number, "refresh.failed"))
        assert await _has_code(bus, stale.receipt.number, "source.stale")
        assert len(wire.asked) == 1
        down[0] = True
        await bus.journal.do(pauses.Resuming("s", by="olga"))
        await until(lambda: len(wire.asked) == 3)
        await asyncio.sleep(0.8)  # some more looks at what has come back
        assert len(wire.asked) == 3


async def _has_code(bus: Any, number: str, code: str) -> bool:
    return [state.code for state in await bus.journal.ask(cases.states, number)] == [code]


async def test_each_request_of_a_lookup_is_counted(tmp_path: Path) -> None:
    """One that sends two for a question gets no more of the quota than others, and waits as they do."""
    today()  # the quota does not begin anew meanwhile

    async def twice(query: Any, source: Source) -> Outcome[Any]:
        for _ in range(2):
            await source.call(Request({}))
        return found(Thing(name="x"))

    source = {"connector": "scripted", "guard": {"attempts": 3, "breaker_failures": 1, "quota_day": 3}}
    made, wire = lookup("s.thing", twice, x=From("repeats[*]")), ScriptedWire(lambda request, call: reply())
    async with running_bus(tmp_path, made, wire=wire, sources={"s": source}, retry=SLOWLY) as bus:
        numbers = []
        for n in range(2):
            taken = await bus.accept(message(f"m{n}", repeats=[str(n)]))
            assert isinstance(taken, Taken)
            numbers.append(taken.receipt.number)
            await bus.settle()
        assert len(wire.asked) == 3
        (state,) = await bus.journal.ask(cases.states, numbers[1])
        ends = Period.DAY.ends(Period.DAY.begins(clocks.wall()))
        assert (state.code, state.attempts, state.next_attempt_at) == ("source.quota", 1, ends)
        assert bus.guards["s"].state().breaker == "closed"


def test_passes_over_what_waits_come_ever_later_until_no_run_can_be_of_before() -> None:
    """A run that began before a source came back may park its appeal as late as its questions take."""
    back = clocks.wall()
    began, settled, passes = back, timedelta(minutes=20), []
    for second in range(3600):
        now = back + timedelta(seconds=second)
        if _Pass(back, began, over=True).is_due_again(now, settled):
            began = now
            passes.append(second)
    assert passes[0] <= 6
    assert 1200 <= passes[-1] <= 2600
    assert len(passes) < 12
    assert not _Pass(back, back).is_due_again(now, settled)  # it is not over
