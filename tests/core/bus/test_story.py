"""One appeal's way in the log: accepted, what could not be told and why, its version, and who has it."""

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from appealbus.core import Call, CallFailed, From, OutcomeKind, Reply, Request, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.journal import access
from appealbus.core.journal.deliveries import deliveries
from tests.core.kit import ScriptedWire, lookup, message, running_bus
from tests.services.processes import PATIENCE

ONCE = {"retry": {"first": "1h", "max": "1h"}}
OUT = {"out": {"kind": "receiver"}}
BY_NUMBER = lookup("s.thing", x=From("message_id"))


def away(request: Request, call: Call) -> Reply:
    """Fail."""
    raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")


async def delivered(bus: Bus, number: str) -> bool:
    """Say whether the receiver has it."""
    return [row.state for row in await bus.journal.ask(deliveries.deliveries, number)] == ["delivered"]


async def test_an_appeals_way_can_be_followed(tmp_path: Path) -> None:
    """Each line has the appeal's number; a question that failed has its code and its attempts."""
    with capture_logs() as logs:
        async with running_bus(tmp_path, BY_NUMBER, wire=ScriptedWire(away), **ONCE, deliveries=OUT) as bus:
            taken = await bus.accept(message())
            await bus.accept(message())
            assert isinstance(taken, Taken)
            number = taken.receipt.number
            async with asyncio.timeout(PATIENCE):
                while not await delivered(bus, number):
                    await asyncio.sleep(0.02)
            [row] = await bus.journal.ask(access.access_rows, number)
    mine = [line for line in logs if line.get("number") == number]
    assert [line["event"] for line in mine] == [
        "appeal.accepted",
        "question.failed",
        "appeal.enriched",
        "delivery.delivered",
    ]
    failed, handed = mine[1], mine[3]
    assert (failed["lookup"], failed["kind"], failed["code"]) == ("s.thing", "unavailable", "http.503")
    assert failed["attempts"] >= 1
    assert (handed["receiver"], handed["version"]) == ("out", 1)
    assert failed["question_id"] == row.question_id
