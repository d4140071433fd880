"""`run --until-idle` ends when nothing is left to do, and what is due is something to do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, From, OutcomeKind, Reply, Request
from appealbus.core.bus.work import dispatcher as dispatching
from appealbus.core.clocks import wall
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import claiming
from tests.core.kit import Receiver, ScriptedWire, lookup, message, running_bus
from tests.services.processes import PATIENCE

BY_TEXT = lookup("s.thing", x=From("text"))


async def test_what_is_due_and_not_taken_yet_is_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly it is claimed: what was due when the bus settled has been worked."""

    def away(request: Request, call: Call) -> Reply:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "x.away", "it is away")

    retry = {"first": "100ms", "max": "100ms", "give_up_after": "700ms"}
    async with running_bus(tmp_path, BY_TEXT, wire=ScriptedWire(away), retry=retry) as bus:
        original = claiming.claim

        async def slow(*given: Any, **named: Any) -> Any:
            await asyncio.sleep(0.3)
            return await original(*given, **named)

        monkeypatch.setattr(claiming, "claim", slow)
        await bus.accept(message("a", text="a"))
        async with asyncio.timeout(PATIENCE):
            while not (await bus.journal.ask(figures.counts)).parked:
                await asyncio.sleep(0.01)
            due = await bus.journal.ask(figures.next_due)
            assert due is not None
            while wall() < due:
                await asyncio.sleep(0.005)
            await bus.settle()
        left = await bus.journal.ask(figures.next_due)
        assert left is None or left > due


@pytest.mark.proof
async def test_no_more_bytes_are_in_flight_than_the_budget_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever arrives or waits; what is larger than all of it is worked alone."""
    Receiver.got.clear()
    sizes: list[int] = []
    gate = asyncio.Event()

    async with running_bus(tmp_path, BY_TEXT, deliveries={"out": {"kind": "receiver"}}) as bus:
        dispatcher = bus._dispatcher
        monkeypatch.setattr(dispatching, "MAX_BYTES", 10_000)
        monkeypatch.setattr(dispatcher.budget, "most", 50_000)
        work = dispatcher._work

        async def watched(case: Any) -> Any:
            sizes.append(50_000 - dispatcher.budget.left)
            await gate.wait()
            return await work(case)

        monkeypatch.setattr(dispatcher, "_work", watched)
        letters = [message(f"m{at}", text="x" * 9_000) for at in range(20)]
        await asyncio.gather(*map(bus.accept, [message("large", text="x" * 60_000), *letters]))
        gate.set()
        async with asyncio.timeout(PATIENCE):
            await bus.settle()
        assert len(Receiver.got["out"]) == 21
        assert dispatcher.budget.untouched
    assert max(size for size in sizes if size < 60_000) <= 50_000
    assert sum(size >= 60_000 for size in sizes) <= 2
