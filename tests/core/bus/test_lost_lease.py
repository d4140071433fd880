"""A run whose appeal was taken over meanwhile, in its own process: nothing of it counts without what it found."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from appealbus.core import Call, From, Reply, Request, Taken
from appealbus.core.journal import access
from appealbus.core.journal.appeals import cases, claiming
from appealbus.schemas.dossier import Completeness
from tests.core.kit import ScriptedWire, dossier, lookup, message, reply, running_bus

FIRST, SECOND = lookup("s.first", x=From("text")), lookup("s.second", x=From("text"))


async def test_a_worker_does_not_claim_what_it_still_works_on(tmp_path: Path) -> None:
    """The lease ended early, since the clock jumped, and what the run found was dropped: it must not conclude."""
    sent, answers = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def script(request: Request, call: Call) -> Reply:
        sent.release()
        await answers.acquire()
        return reply()

    wire = ScriptedWire(script)
    async with asyncio.timeout(30), running_bus(tmp_path, FIRST, SECOND, wire=wire) as bus:
        taken = await bus.accept(message(text="t"))
        assert isinstance(taken, Taken)
        for _ in range(2):
            await sent.acquire()
        await claiming.bury(bus.journal, bus.worker)
        answers.release()
        await asyncio.sleep(0.2)
        assert await bus.journal.ask(cases.states, taken.receipt.number) == [], "dropped: nobody has the appeal"
        assert await bus._dispatcher.look(5.0)
        for _ in range(3):
            answers.release()
        await bus.settle(parked=True)
        told = await dossier(bus, taken.receipt.number)

    assert {fact.lookup for fact in told.facts} == {"s.first", "s.second"}
    assert len(wire.asked) == 4


@pytest.mark.proof
async def test_questions_sent_while_the_clock_was_ahead_are_not_held_against_it_for_ever(tmp_path: Path) -> None:
    """A suspect's question is left out once, as it was sent twice without an end; the next run asks it."""
    sent, answers = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def script(request: Request, call: Call) -> Reply:
        sent.release()
        await answers.acquire()
        return reply()

    async with asyncio.timeout(30), running_bus(tmp_path, FIRST, wire=ScriptedWire(script)) as bus:
        taken = await bus.accept(message(text="t"))
        assert isinstance(taken, Taken)
        await sent.acquire()
        (row,) = await bus.journal.ask(access.access_rows, taken.receipt.number)
        ahead = [replace(row, question_id=f"q-{n}", at=row.at + timedelta(days=1)) for n in range(2)]
        await bus.journal.do(access.Asking(ahead))
        await claiming.bury(bus.journal, bus.worker)
        for _ in range(9):
            answers.release()
        await bus.settle(parked=True)
        told = await dossier(bus, taken.receipt.number)

    assert told.completeness is Completeness.COMPLETE
