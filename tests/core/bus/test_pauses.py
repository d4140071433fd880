"""A source stands still and comes back: nothing leaves, nothing is complete without it, and what waited is taken in."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from appealbus.core import Call, CallFailed, From, OutcomeKind, Reply, Request, Taken, clocks
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.pauses import Pause
from appealbus.schemas import Completeness
from tests.core.kit import ScriptedWire, dossier, lookup, message, reply, running_bus

ONE = lookup("s.thing", x=From("repeats[*]"))

SLOWLY = {"first": 3600, "max": 3600}


def order(minutes: float = 60) -> Pause:
    now = clocks.wall()
    return Pause("s", now, now + timedelta(minutes=minutes), "they mend the database", "olga")


async def until(wanted: Callable[[], Any], seconds: float = 15.0) -> None:
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
        await bus.journal.pause_source(given)
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
        (state,) = await bus.journal.states(number)
        assert state.next_attempt_at == given.until
        assert len(wire.asked) == 0
        assert bus.guards["s"].state().breaker == "closed"
        found, count = await bus.journal.endangered("s", None, clocks.wall().date(), 5)
        assert (found, count) == ([], 0)  # it has no date

        assert await bus.journal.resume_source("s", by="olga")
        assert not await bus.journal.resume_source("s", by="olga")
        await until(lambda: _is_complete(bus, number))
        assert len(wire.asked) == 1
        entries = (await bus.journal.log(limit=1000)).entries
        words = [(each.what, each.actor, each.about) for each in entries if each.what in ("paused", "resumed")]
        assert words == [("paused", "person:olga", "s"), ("resumed", "person:olga", "s")]
        assert [each.about for each in entries if each.what == "retried"] == ["s"]


async def _is_complete(bus: Any, number: str) -> bool:
    return (await dossier(bus, number)).completeness is Completeness.COMPLETE


async def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    """At its time the source is asked, the pause is gone, and the log says that nobody did it."""
    async with running_bus(tmp_path, ONE) as bus:
        await bus.journal.pause_source(order(minutes=0.04))
        await until(lambda: bus.guards["s"].state().paused_until)
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        await until(lambda: _is_complete(bus, taken.receipt.number))
        await until(lambda: _no_pause(bus))
        entries = (await bus.journal.log(limit=1000)).entries
        assert [each.actor for each in entries if each.what == "resumed"] == ["bus"]


async def _no_pause(bus: Any) -> bool:
    return not (await bus.journal.source_news()).pauses


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
        assert len(await bus.journal.appeals(state=AppealState.PARKED)) == 6
        down[0] = False
        await until(lambda: bus.guards["s"].state().breaker == "half_open")
        await bus.accept(message("probe", repeats=["p"]))
        await until(lambda: _idle(bus, 7))


async def _idle(bus: Any, count: int) -> bool:
    return (await bus.journal.counts()).idle == count
