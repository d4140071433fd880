"""Whatever a plugin raises at a door of the bus is its own defect: told, counted, and the others go on."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from appealbus.core import Assessor, From, Outgoing, Service, Taken
from appealbus.core.bus import tasks
from appealbus.core.bus.delivery import receiver
from appealbus.core.bus.work.reread_watch import RereadWatch
from appealbus.core.interfaces.link import LinkState
from appealbus.core.plugin_calls.threads import PluginThreads
from appealbus.schemas import Dossier, Signal
from tests.core.kit import Receiver, ScriptedWire, dossier, lookup, message, running_bus
from tests.services.processes import PATIENCE


class Own(BaseException):
    """An exception of a plugin's own making."""


ERRORS = [SystemExit(2), KeyboardInterrupt(), Own(), asyncio.CancelledError(), GeneratorExit(), ValueError()]
BY_REPEATS = lookup("s.thing", x=From("repeats[*]"))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_every_exception_at_every_door_is_a_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """The appeal has its dossier with what the others found, and it is delivered; the defects are counted by part."""
    monkeypatch.setattr(tasks, "RESTART", 0.05)
    Receiver.got.clear()
    deliver, served = Receiver.deliver, 0

    async def ask(query: Any, source: Any) -> Any:
        raise error

    class Raises(Assessor):
        name = "raises"

        def assess(self, dossier: Dossier) -> Sequence[Signal]:
            raise error

    class Serves(Service):
        name = "serves"

        async def run(self, bus: Any) -> None:
            nonlocal served
            served += 1
            raise error

    class Badly(ScriptedWire):
        starts = 0

        async def start(self) -> None:
            self.starts += 1
            if self.starts == 1:
                raise error

        def links(self) -> Sequence[LinkState]:
            raise error

        async def close(self) -> None:
            raise error

    async def refuse(self: Receiver, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        if self.name == "bad":
            raise error
        return await deliver(self, batch)

    monkeypatch.setattr(Receiver, "deliver", refuse)
    out = {"deliveries": {"good": {"kind": "receiver"}, "bad": {"kind": "receiver"}}}
    bad = lookup("s.bad", ask, x=From("repeats[*]"))
    parts: dict[str, Any] = {"wire": Badly(), "assessors": [Raises()], **out}
    # A console would draw each of the many tracebacks.
    with capture_logs() as logs:
        async with running_bus(tmp_path, bad, BY_REPEATS, **parts) as bus:
            host = bus.parts.host
            host._impls["hooked"] = {"dossier_ready": ask_nothing(error)}
            host._given["hooked"] = {}
            host.plugins[0].brought["services"].append(Serves())
            bus.open_doors()
            async with asyncio.timeout(PATIENCE):
                while not bus.guards["s"].context.ready:
                    await asyncio.sleep(0.01)
                taken = await bus.accept(message(repeats=["a"]))
                assert isinstance(taken, Taken)
                while not Receiver.got.get("good") or served < 2:  # one that raised is started again
                    await asyncio.sleep(0.01)
            made = await dossier(bus, taken.receipt.number, 1)
            bus.links()
            defects = host.defects
    assert [fact.lookup for fact in made.facts] == ["s.thing"]
    assert [gap.code for gap in made.gaps] == ["plugin.error"]
    assert made.unassessed == ["raises"]
    counted = {"lookup.s.bad", "assessor.raises", "hook.dossier_ready", "source.s", "delivery.bad", "service.serves"}
    assert counted <= defects.keys()
    told = {"lookup.raised", "assessor.raised", "plugin.raised", "source.raised", "delivery.raised", "service.raised"}
    assert told <= {line["event"] for line in logs}


def ask_nothing(error: BaseException) -> Any:
    """Make a hook that raises."""

    def dossier_ready() -> None:
        raise error

    return dossier_ready


async def test_a_query_that_raises_is_a_gap_of_its_lookup_alone(tmp_path: Path) -> None:
    """Validators and `absent` are the plugin's own; the other lookups of the appeal are asked."""
    bad = lookup("s.bad", x=From("repeats[*]"))

    def absent(self: Any) -> None:
        raise SystemExit(2)

    from appealbus.core.planning.plan import Node

    Node(bad, "", "", "").query_model.absent = absent  # type: ignore[method-assign]
    async with running_bus(tmp_path, bad, BY_REPEATS, retry={"first": "1h"}) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert [fact.lookup for fact in made.facts] == ["s.thing"]
    assert [(gap.code, gap.next_attempt_at is not None) for gap in made.gaps] == [("plugin.error", True)]


@pytest.mark.proof
async def test_a_delivery_that_does_not_end_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets nothing more meanwhile, the others get theirs, and the bus stops in time."""
    monkeypatch.setattr(receiver, "_TIMEOUT", 0.2)
    Receiver.got.clear()
    deliver = Receiver.deliver
    handed = 0

    async def deaf(self: Receiver, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        nonlocal handed
        if self.name == "good":
            return await deliver(self, batch)
        handed += 1
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if over.is_set():
                    raise

    over = asyncio.Event()
    monkeypatch.setattr(Receiver, "deliver", deaf)
    clock = asyncio.get_running_loop().time
    with capture_logs() as logs:
        async with running_bus(
            tmp_path, BY_REPEATS, deliveries={"good": {"kind": "receiver"}, "bad": {"kind": "receiver"}}
        ) as bus:
            assert isinstance(asyncio.get_running_loop()._default_executor, PluginThreads)  # type: ignore[attr-defined]
            await bus.accept(message("1", repeats=["a"]))
            async with asyncio.timeout(PATIENCE):
                while not any(line["event"] == "delivery.left_behind" for line in logs):
                    await asyncio.sleep(0.01)
                await bus.accept(message("2", repeats=["b"]))
                while len(Receiver.got.get("good", [])) < 2:
                    await asyncio.sleep(0.01)
            began = clock()
        assert clock() - began < 30
    assert handed == 1
    over.set()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_a_service_that_cancels_itself_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted; and where the bus ends it, it stays ended."""
    monkeypatch.setattr(tasks, "RESTART", 0.01)
    runs = asyncio.Queue[asyncio.Task[Any]]()

    class Cancels(Service):
        name = "cancels"

        async def run(self, bus: Any) -> None:
            task = asyncio.current_task()
            assert task is not None
            runs.put_nowait(task)
            if runs.qsize() < 3:
                task.cancel()
            await asyncio.sleep(60)

    async with asyncio.timeout(PATIENCE), running_bus(tmp_path, BY_REPEATS) as bus:
        bus.parts.host.plugins[0].brought["services"].append(Cancels())
        bus.open_doors()
        while runs.qsize() < 3:
            await asyncio.sleep(0.01)
        assert bus.parts.host.defects["service.cancels"] == 2
    assert runs.qsize() == 3


async def test_no_plugin_takes_the_threads_of_all(tmp_path: Path) -> None:
    """Another executor in their place would be everybody's, blocked or not."""
    async with running_bus(tmp_path, BY_REPEATS):
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as own, pytest.raises(RuntimeError, match="executor of your own"):
            loop.set_default_executor(own)
        assert await asyncio.to_thread(lambda: True)


async def test_what_replies_are_read_with_is_noted_before_contracts_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract that is mended meanwhile would count as the one that was read, and no reply be read again by it."""
    order: list[str] = []
    started = RereadWatch.start

    async def noted(watch: RereadWatch) -> None:
        await started(watch)
        order.append("noted")

    class Reads(ScriptedWire):
        async def start(self) -> None:
            order.append("contracts")

    monkeypatch.setattr(RereadWatch, "start", noted)
    async with running_bus(tmp_path, BY_REPEATS, wire=Reads()):
        pass
    assert order == ["noted", "contracts"]
