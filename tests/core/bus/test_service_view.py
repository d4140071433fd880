"""What a service is handed of the bus."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from appealbus.core import From, Inbound, RunningBus, Service, Taken, Terms
from appealbus.core.loading.host import Plugin
from appealbus.schemas import Dossier
from tests.core.kit import Receiver, lookup, message, running_bus

THING = lookup("s.thing", x=From("repeats[*]"))


class Watches(Service):
    """Keeps what it was handed."""

    name = "watches"

    def __init__(self) -> None:
        self.bus: asyncio.Future[RunningBus] = asyncio.get_running_loop().create_future()

    async def run(self, bus: RunningBus) -> None:
        self.bus.set_result(bus)
        await asyncio.Event().wait()


class SixDays(Terms):
    """Works on Saturdays."""

    name = "six"

    def due_on(self, *_given: Any) -> None:
        """Count nothing."""

    def works_on(self, day: date) -> bool:
        return day.weekday() < 6


async def test_a_service_takes_messages_and_reads_what_became_of_them(tmp_path: Path) -> None:
    """As an API would: a receipt at once, then the appeal in the list, its questions, and its dossier."""
    service = Watches()
    async with running_bus(tmp_path, THING, deliveries={"registry": {"kind": "receiver"}}) as running:
        running.parts.host.plugins.append(Plugin("watches", "1", "test", brought={"services": [service]}))
        running.open_doors()
        bus = await service.bus
        before = bus.figures()
        assert before.deliveries == {("registry", "delivered"): 0, ("registry", "failed"): 0, ("registry", "alone"): 0}
        taken = await bus.accept(message("m-1", repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.accept(Inbound("post", "post#1", b"no appeal"))
        await running.settle(parked=True)
        number = taken.receipt.number
        assert [row.number for row in await bus.journal.appeals()] == [number]
        case = await bus.journal.case(number)
        assert case is not None
        assert [state.lookup for state in case.states] == ["s.thing"]
        raw = await bus.journal.dossier(number)
        assert raw is not None
        assert Dossier.model_validate_json(raw).number == number
        after = bus.figures()
        assert (sum(before.messages.values()), sum(after.messages.values())) == (0, 2)
        assert (after.dossiers["complete"], after.deliveries["registry", "delivered"]) == (1, 1)
        (source,) = bus.sources()
        assert after.calls[source.source].within[-1] == (float("inf"), 1)
        counts = await bus.journal.counts()
        assert bus.quarantine_fullness(counts).keys() == {"post"}
        assert bus.waiting_fullness(replace(counts, waiting_by_channel={"post": 7_500})) == {"post": 0.75}
        assert {check.name: check.ok for check in await bus.checks(bus.journal.probe)}["journal"]
        assert not bus.draining
        assert (bus.works_on(date(2026, 11, 2)), bus.shared("amqp")) == (None, None), "no plugins are here"
        running.parts.host.plugins.append(Plugin("week", "1", "test", brought={"terms": [SixDays()]}))
        running.parts.host._given["week"] = {"shared": "something"}
        assert (bus.works_on(date(2026, 11, 7)), bus.works_on(date(2026, 11, 8))) == ((True, "six"), (False, "six"))
        assert bus.shared("week") == "something"
    assert bus.draining
    assert [each.number for each in Receiver.got["registry"]][-1:] == [number]
