"""The tasks of a bus's parts: each part runs in a task of its own, and starts again where its plugin raises."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

import structlog

from appealbus.core.clocks import monotonic, wall
from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.plugin_calls import entered, is_defect, within
from appealbus.schemas.base import printable

log = structlog.get_logger(__name__)

OPENING = 60.0
"""Seconds that a part has to open in. Reading the contract of a slow agency takes seconds; the start of the whole bus
waits for the part, so a part that hangs would hold it up for longer with more."""
RESTART = 5.0
"""Seconds until a part that raised starts again. With less, one that always raises fills the log; with more, a person
who has mended something waits for it. `docs/plugins.md` promises this number."""
_MENDED = 60.0
"""Seconds after which a part that raised counts as running again. With less, one that raises now and then looks well;
with more, a person who has mended it waits for the word."""


class Phase(Enum):
    """When the task of a part ends while the bus stops."""

    INTAKES = auto()
    """First, and the bus waits for it: an intake still tells its senders what became of what they have sent."""
    TAKING = auto()
    """First, too, but the bus does not wait for it: it brings in work, and others wait for nothing of it."""
    LAST = auto()
    """When all else has ended: what is in flight needs it (leases, clock, relays), or it shows how the bus drains."""


@dataclass(frozen=True, slots=True)
class PartTask:
    """What runs in a task."""

    name: str
    """What the log and the count of defects call it: `intake.portal`, `relay.registry`, `clock` …"""
    run: Callable[[], Coroutine[Any, Any, None]]
    phase: Phase
    plugin: str
    """The plugin whose code it is; empty where it is the bus's own."""


class PartTasks:
    """The running tasks of a bus's parts, and the count of what their plugins have raised."""

    def __init__(self, defects: Counter[str]) -> None:
        self._defects = defects
        self._running: dict[asyncio.Task[None], PartTask] = {}
        self._called_off: set[asyncio.Task[None]] = set()
        self._raised: dict[str, tuple[LinkState, float]] = {}

    def start(
        self,
        name: str,
        run: Callable[[], Coroutine[Any, Any, None]],
        phase: Phase,
        plugin: str = "",
        *,
        later: bool = False,
    ) -> None:
        """Run a part until it ends by itself; whenever its plugin raises, it starts again after a pause.

        Args:
            name: what the log and the count of defects call it.
            run: the part.
            phase: when it ends while the bus stops.
            plugin: whose code it is; empty where it is the bus's own.
            later: whether the pause comes first, since the part has just raised.

        """
        self._start(PartTask(name, run, phase, plugin), later=later)

    async def open(self, name: str, open_: Callable[[], Awaitable[None]], plugin: str) -> bool:
        """Open a part. Where its plugin raises or takes too long, log that and return False.

        Raises:
            ConfigError: the part finds its configuration wrong.

        """
        try:
            await within(OPENING, open_, plugin, partial(self._left_behind, name))
        except BaseException as error:
            if isinstance(error, ConfigError) or not is_defect(error):
                raise
            self.raised(name)
            return False
        return True

    async def close(self, name: str, close: Callable[[], Awaitable[None]], plugin: str, seconds: float) -> None:
        """Close a part, within so many seconds; whatever it raises is logged, so that the others are closed too."""
        try:
            await within(seconds, close, plugin, partial(self._left_behind, name))
        except BaseException as error:
            if not is_defect(error):
                raise
            self.raised(name)

    def troubles(self) -> list[LinkState]:
        """Return the parts that have raised within the last minute, which a part that is mended outlives."""
        now = monotonic()
        return [state for name, (state, at) in self._raised.items() if now - at < _MENDED]

    def cancel(self, *phases: Phase) -> None:
        """Cancel the tasks that end in these phases; they do not start again."""
        for task, part in self._running.items():
            if part.phase in phases:
                self._called_off.add(task)
                task.cancel()

    async def wait(self, phase: Phase, seconds: float) -> None:
        """Wait until the cancelled tasks of a phase have ended, for so many seconds at most."""
        tasks = [task for task, part in self._running.items() if part.phase is phase]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def end(self, seconds: float) -> None:
        """Cancel all tasks and wait for their ends, for so many seconds at most; log which parts go on all the same."""
        self.cancel(*Phase)
        if self._running:
            for task in (await asyncio.wait(self._running, timeout=seconds))[1]:
                self._left_behind(task.get_name(), task)

    def raised(self, name: str) -> None:
        """Log and count the exception that is being handled, as a defect of this part."""
        self.count(name)
        match name.partition("."):
            case "intake", _, intake:
                log.exception("intake.raised", intake=intake)
            case "service", _, service:
                log.exception("service.raised", service=service)
            case "source", _, source:
                log.exception("source.raised", source=source)
            case "delivery", _, receiver:
                log.exception("delivery.raised", receiver=receiver)
            case "work_queue", _, _:
                log.exception("work_queue.raised")
            case _:
                log.exception("bus.part_ended", kind=name)

    def count(self, name: str) -> None:
        """Count a defect of this part that is logged, or shown, by the caller."""
        self._defects[name] += 1

    def _start(self, part: PartTask, *, later: bool) -> None:
        keep_running = self._keep_running(part, RESTART if later else 0.0)
        task = asyncio.get_running_loop().create_task(keep_running, name=part.name, context=entered(part.plugin))
        self._running[task] = part
        task.add_done_callback(self._ended)

    async def _keep_running(self, part: PartTask, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            pause = RESTART
            try:
                await part.run()
                return
            except BaseException as error:
                if not is_defect(error):
                    raise
                self.raised(part.name)
                kind = part.name.partition(".")[0]
                event = f"{kind}.raised" if kind in ("intake", "service") else "bus.part_ended"
                why = str(error) if isinstance(error, ConfigError) else f"it raised {type(error).__name__}"
                self._trouble(part.name, why, event)
                if asyncio.current_task() in self._called_off:
                    return  # it has raised over being told to end

    def _trouble(self, name: str, why: str, event: str = "bus.part_ended") -> None:
        state = LinkState(name, LinkStatus.DOWN, printable(why), wall(), event=event)
        self._raised[name] = state, monotonic()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() and task not in self._called_off:  # its plugin has cancelled the task that it runs in
            part = self._running.pop(task)
            self.count(part.name)
            self._trouble(part.name, "it has cancelled its own task")
            log.error("bus.part_ended", kind=part.name)
            self._start(part, later=True)

    def _left_behind(self, name: str, task: asyncio.Task[Any]) -> None:
        log.error("bus.part_stuck", kind=name)
