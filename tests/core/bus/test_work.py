"""The work queue: what a full worker tells, what a hint does, and that neither is needed for an appeal to be worked."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Factory, LinkState, LinkStatus, NoSettings, Outgoing, Waiting, WorkQueue
from appealbus.core.bus.bus import Bus
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import claiming
from tests.core.kit import Receiver, message, running_bus
from tests.services.processes import PATIENCE

WORK = {"kind": "told"}


class Told(WorkQueue[NoSettings]):
    """Keeps what it is told, and looks when a test says so."""

    def __init__(self, name: str, settings: NoSettings) -> None:
        super().__init__(name, settings)
        self.state = "new"
        self.offered: list[Waiting] = []
        self.hints: asyncio.Queue[None] = asyncio.Queue()
        self.taken = 0

    async def start(self) -> None:
        self.state = "started"

    def offer(self, waiting: Waiting) -> None:
        self.offered.append(waiting)

    async def run(self, take: Callable[[], Awaitable[bool]]) -> None:
        while True:
            await self.hints.get()
            await take()
            self.taken += 1

    def links(self) -> Sequence[LinkState]:
        return (LinkState("main", LinkStatus.UP),)

    async def close(self) -> None:
        self.state = "closed"


TOLD = Factory("told", NoSettings, Told)


def told(bus: Bus) -> Told:
    assert isinstance(bus.parts.work, Told)
    return bus.parts.work


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not done():
            await asyncio.sleep(0.01)


@pytest.mark.proof
async def test_a_worker_without_room_offers_the_appeal(tmp_path: Path) -> None:
    """With its number and urgency; one with room works it itself and tells nobody."""
    async with running_bus(tmp_path, work_queues=[TOLD], work=WORK) as bus:
        work = told(bus)
        assert work.state == "started"
        await bus.accept(message("m-1"))
        assert work.offered == []
        bus._dispatcher._arriving = bus.settings.bus.concurrency
        await bus.accept(message("m-2", due_on="2026-02-16"))
        await bus.accept(message("m-2", due_on="2026-02-16"))
        bus._dispatcher._arriving = 0
        (waiting,) = work.offered
        assert waiting.number.endswith("-00000002")
        assert waiting.urgency == date(2026, 2, 16).toordinal()
        await bus.settle()
        assert (await bus.journal.ask(figures.counts)).idle == 2
    assert work.state == "closed"


async def test_a_hint_makes_the_worker_look_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process has accepted is claimed before the next poll; `take` returns when it was."""
    monkeypatch.setattr("appealbus.core.bus.work.dispatcher._POLL", 1000.0)
    async with running_bus(tmp_path, work_queues=[TOLD], work=WORK) as bus:
        await until(lambda: not bus._dispatcher._backlog)
        await bus._reception.accept(message())
        told(bus).hints.put_nowait(None)
        await until(lambda: told(bus).taken == 1)
        assert (await bus.journal.ask(figures.counts)).ready == 0
        await bus.settle()
        assert (await bus.journal.ask(figures.counts)).idle == 1


async def test_many_hints_cost_one_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking is a transaction; those that wait for room share the next one."""
    monkeypatch.setattr("appealbus.core.bus.work.dispatcher._POLL", 1000.0)
    async with running_bus(tmp_path) as bus:
        await until(lambda: not bus._dispatcher._backlog)
        looks = 0
        claim = claiming.claim

        async def counted(*given: Any, **named: Any) -> object:
            nonlocal looks
            looks += 1
            return await claim(*given, **named)

        monkeypatch.setattr(claiming, "claim", counted)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(bus._dispatcher.look(20) for _ in range(50)))
        assert looks <= 2


async def test_a_hint_is_let_go_where_there_is_no_room(tmp_path: Path) -> None:
    """After a while; nothing is claimed."""
    async with running_bus(tmp_path) as bus:
        bus._dispatcher._arriving = bus.settings.bus.concurrency
        await bus._reception.accept(message())
        async with asyncio.timeout(PATIENCE):
            assert not await bus._dispatcher.look(0.05)
        assert (await bus.journal.ask(figures.counts)).ready == 1
        bus._dispatcher._arriving = 0


class Linked(Receiver):
    """A receiver with connections."""

    def links(self) -> Sequence[LinkState]:
        return (LinkState("main", LinkStatus.DOWN), LinkState("other", LinkStatus.BLOCKED, "full \ud800"))


class Raising(Receiver):
    """A receiver that cannot even say how it stands."""

    def links(self) -> Sequence[LinkState]:
        raise ValueError("750301100019")


async def test_links_of_all_parts_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that two parts share has one line, and a plugin that raises over it has one, too, without its text."""
    monkeypatch.setattr("tests.core.kit.Receiver", Linked)
    tables = {"deliveries": {"a": {"kind": "receiver"}, "b": {"kind": "receiver"}}}
    async with running_bus(tmp_path, work_queues=[TOLD], work=WORK, **tables) as bus:
        bus.parts.deliveries["c"] = Raising("c", NoSettings())
        links = {link.name: link for link in bus.links()}
    assert {name: link.status.value for name, link in links.items()} == {
        "main": "down",
        "other": "blocked",
        "delivery.c": "down",
    }
    assert links["delivery.c"].detail == "its plugin raised ValueError over it"
    assert links["other"].detail == "full \ufffd"  # or no worker's sign of life could be written


async def test_a_receiver_is_told_the_region(tmp_path: Path) -> None:
    """It is computed once, and kept beside the version."""
    Receiver.got.clear()
    async with running_bus(tmp_path, deliveries={"out": {"kind": "receiver"}}) as bus:
        await bus.accept(message("m-1", place={"kato": "271010000"}))
        await bus.accept(message("m-2"))
        async with asyncio.timeout(PATIENCE):
            await bus.settle(parked=True)
    sent: list[Outgoing] = Receiver.got["out"]
    assert {out.region for out in sent} == {"27", "00"}
