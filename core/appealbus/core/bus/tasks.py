"""Tasks of the bus's parts: each has its own task, restarted if its plugin raises. A stop ends them in time."""

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
from appealbus.core.plugin_calls.boundary import entered, is_defect, within
from appealbus.schemas.base import printable

log = structlog.get_logger(__name__)

OPENING = 60.0
"""Seconds for a part to open. With more, a hung part delays the start of the bus for longer."""
RESTART = 5.0
"""Seconds until a failed part restarts. `docs/plugins.md` promises this number."""
_MENDED = 60.0
"""Seconds after which a failed part counts as running again. With less, occasional failures stay hidden."""


class Phase(Enum):
    INTAKES = auto()
    """First, and the bus waits: an intake still reports results to its senders."""
    TAKING = auto()
    """First, too, but the bus does not wait: nothing depends on it."""
    LAST = auto()
    """Last: cases in flight need it (leases, clock, relays), or it shows the stop's progress."""


@dataclass(frozen=True, slots=True)
class PartTask:
    name: str
    """Name in the log and the count of defects: `intake.portal`, `relay.registry`, `clock` …"""
    run: Callable[[], Coroutine[Any, Any, None]]
    phase: Phase
    plugin: str
    """The plugin that owns the code; empty for the bus's own."""


class PartTasks:
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
        """Run a part until it ends by itself; restart it after a pause whenever its plugin raises.

        `plugin` is empty for the bus's own code. With `later` the pause comes first, since the part has just raised.
        """
        self._start(PartTask(name, run, phase, plugin), later=later)

    async def open(self, name: str, open_: Callable[[], Awaitable[None]], plugin: str) -> bool:
        """Open a part. If its plugin raises or times out, log that and return False. Raises only ConfigError."""
        try:
            await within(OPENING, open_, plugin, partial(self._left_behind, name))
        except BaseException as error:
            if isinstance(error, ConfigError) or not is_defect(error):
                raise
            self.raised(name)
            return False
        return True

    async def close(self, name: str, close: Callable[[], Awaitable[None]], plugin: str, seconds: float) -> None:
        """Close a part within `seconds`; exceptions are logged, so that other parts are closed too."""
        try:
            await within(seconds, close, plugin, partial(self._left_behind, name))
        except BaseException as error:
            if not is_defect(error):
                raise
            self.raised(name)

    def troubles(self) -> list[LinkState]:
        """Return parts that raised within the last minute, even if they run again."""
        now = monotonic()
        return [state for name, (state, at) in self._raised.items() if now - at < _MENDED]

    def cancel(self, *phases: Phase) -> None:
        """Cancel the tasks of these phases; they do not restart."""
        for task, part in self._running.items():
            if part.phase in phases:
                self._called_off.add(task)
                task.cancel()

    async def wait(self, phase: Phase, seconds: float) -> None:
        tasks = [task for task, part in self._running.items() if part.phase is phase]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def end(self, seconds: float) -> None:
        """Cancel all tasks, wait at most `seconds`, and log those that still run."""
        self.cancel(*Phase)
        if self._running:
            for task in (await asyncio.wait(self._running, timeout=seconds))[1]:
                self._left_behind(task.get_name(), task)

    def raised(self, name: str) -> None:
        """Log the current exception and count it as a defect of this part."""
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
        """Count a defect that the caller logs or shows."""
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


_AFTER = 12.0
"""Seconds beyond `bus.grace` shared by the phases of a stop. If all hang, each of the last has `_LEAST` more, and
uninterruptible calls (`plugin_calls`) five in all. The rest of 30 seconds (docs/operating.md) is for closing."""
_CASES = 10.0
"""Seconds for cases after their questions have ended: assessors and one write. With less, runs are repeated."""
_PHASE = 2.0
"""Seconds for each other phase after the grace period. With more, a few hung phases use up the shared time."""
_LEAST = 0.5
"""Minimum seconds of a phase. With more, a stop in which all phases hang exceeds its limit."""


class StopTime:
    """The clock of one stop; it starts on construction. `grace` is `bus.grace`, in seconds."""

    def __init__(self, grace: float) -> None:
        self._grace_ends = monotonic() + grace

    @property
    def grace(self) -> float:
        """Seconds for a phase that may use the rest of the grace period."""
        return max(self._grace_ends - monotonic(), self.phase)

    @property
    def cases(self) -> float:
        return max(_LEAST, min(_CASES, self._grace_ends + _CASES - monotonic()))

    @property
    def phase(self) -> float:
        return self.at_most(_PHASE)

    def at_most(self, seconds: float) -> float:
        return max(min(seconds, _LEAST), min(seconds, self._grace_ends + _AFTER - monotonic()))
