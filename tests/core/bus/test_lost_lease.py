"""A run whose appeal was taken over meanwhile, in its own process: nothing of it counts without what it found."""

import asyncio
from pathlib import Path

from appealbus.core import Call, From, Reply, Request, Taken
from appealbus.core.journal.appeals import cases
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
        await bus.journal.bury(bus.worker)
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
