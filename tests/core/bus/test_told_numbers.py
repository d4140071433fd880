"""What the bus tells of an appeal beside its dossier: nothing of whom it is about, and what its log counts is true."""

import asyncio
from pathlib import Path

import structlog

from appealbus.core import From, Taken
from appealbus.core.bus.bus import Bus
from tests.core.kit import Receiver, ScriptedWire, dossier, lookup, message, running_bus
from tests.services.processes import PATIENCE

IIN, OTHER = "750301100019", "821224100019"


async def _settled(bus: Bus) -> None:
    async with asyncio.timeout(PATIENCE):
        await bus.settle(parked=False)


async def test_a_number_that_is_a_person_s_leaves_masked_and_still_its_own(tmp_path: Path) -> None:
    """In what a wire may put into a header and in the ids of deliveries; the dossier has the number whole."""
    Receiver.got.clear()
    wire = ScriptedWire()
    asks = lookup("s.thing", name=From("applicant.surname"))
    async with running_bus(tmp_path, asks, wire=wire, deliveries={"out": {"kind": "receiver"}}) as bus:
        for number in (IIN, OTHER):
            given = {"type": "person", "surname": f"Т{number}"}
            assert isinstance(await bus.accept(message(number, number=number, applicant=given)), Taken)
        await _settled(bus)
        async with asyncio.timeout(PATIENCE):
            while len(Receiver.got.get("out", [])) < 2:
                await asyncio.sleep(0.01)
        assert (await dossier(bus, IIN)).number == IIN
    assert {call.number for _, call in wire.asked} == {"*0019"}
    ids = {item.message_id for item in Receiver.got["out"]}
    assert len(ids) == 2
    assert all(each.startswith("*0019-") for each in ids), ids


async def test_warnings_are_counted_in_the_log(tmp_path: Path) -> None:
    """As many as the dossier has."""
    async with running_bus(tmp_path, lookup("s.thing", name=From("applicant.surname"))) as bus:
        with structlog.testing.capture_logs() as logs:
            applicant = {"type": "person", "iin": "1", "surname": "Т"}
            taken = await bus.accept(message(applicant=applicant, parcels=[{"cadastral_number": "1"}]))
            assert isinstance(taken, Taken)
            await _settled(bus)
        made = await dossier(bus, taken.receipt.number)
    (line,) = [line for line in logs if line["event"] == "appeal.enriched"]
    assert line["warnings"] == len(made.appeal.warnings) == 2
