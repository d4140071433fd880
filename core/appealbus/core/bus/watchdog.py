"""The watchdog: a thread that detects a blocked event loop, logs the responsible plugin, and may end the process."""

import asyncio
import inspect
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType

import structlog

from appealbus.core.loading.extension_points import KINDS
from appealbus.core.loading.hookspecs import Hooks
from appealbus.core.loading.host import Host
from appealbus.core.logs.setup import LogThrottle
from appealbus.core.process.runtime import EXIT_STUCK

log = structlog.get_logger(__name__)

_TICK = 0.25
"""Seconds between checks: a quarter of `_NOTED`, for precision. A check costs nearly nothing."""
_NOTED = 1.0
"""Seconds until a blocked loop is counted. Less may be ordinary work."""
_TOLD = 5.0
"""Seconds until a block is logged while it lasts. From then on `/healthz` reports the process as ill."""
_LATE = 0.5
"""Seconds of blocking until tasks are counted. With less, a busy bus counts them often."""
_MOST = 100_000
"""Most tasks; a bus has thousands at most. With so many leaked by a plugin, neither cases nor a stop finish."""
_TELLING = 1.0
"""Seconds to write a log line. With more, a hung log delays the end of the process."""
_AFTER_GRACE = 25.0
"""Seconds beyond `bus.grace` for a stop, which needs 17 if all phases hang. A supervisor kills after 30."""
_DEBUGGER = "bdb"
_HOOKS = frozenset(name for name, _ in inspect.getmembers(Hooks, inspect.isfunction))


@dataclass(frozen=True, slots=True)
class LoopHolder:
    plugin: str = ""
    """Empty if no plugin does."""
    part: str = ""
    """`lookup.gbdfl.person`, `assessor.minor`, `hook.dossier_ready` …"""
    place: str = ""
    """`module:line` of the plugin's innermost frame."""
    debugged: bool = False
    """Whether a person has stopped it in a debugger."""


class Watchdog:
    """Watches the event loop in which it was started, until that closes.

    `lease`: seconds of blocking after which the process ends; other workers have its appeals by then.
    """

    def __init__(self, host: Host, lease: float) -> None:
        self._host = host
        self._lease = lease
        self._told = LogThrottle()
        self.seconds: dict[str, float] = {}
        """Total seconds of a blocked loop, by plugin; "" for none."""
        self._ends_at = float("inf")
        self._tasks = 0
        self._largest = _largest_file()

    def end_within(self, grace: float) -> None:
        """Kill the process some seconds after the grace period if it is still running."""
        self._ends_at = time.monotonic() + grace + _AFTER_GRACE

    def start(self) -> None:
        loop, thread = asyncio.get_running_loop(), threading.get_ident()
        threading.Thread(target=self._watch, args=(loop, thread), name="watchdog", daemon=True).start()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        ticked = threading.Event()
        ticked.set()
        still, holder, reported = 0.0, LoopHolder(), False
        last, spent = time.monotonic(), time.process_time()
        while not loop.is_closed():
            time.sleep(_TICK)
            # This thread stands still, too, while the process is stopped, which is nobody's fault, or while a library
            # holds the interpreter, which counts. Only in the second case processor time passes.
            now, used = time.monotonic(), time.process_time()
            passed = min(now - last, max(2 * _TICK, used - spent))
            last, spent = now, used
            if now > self._ends_at:
                self._say(_cut_off)
                os._exit(EXIT_STUCK)
            if _largest_file() < self._largest:
                self._say(_cannot_write)
                os._exit(EXIT_STUCK)
            if ticked.is_set():
                if self._tasks > _MOST:
                    self._end(still, self._look(thread))
                if still >= _NOTED:
                    self._over(still, holder, told=reported)
                still, holder, reported = 0.0, LoopHolder(), False
                ticked.clear()
                try:
                    loop.call_soon_threadsafe(self._tick, ticked, now)
                except RuntimeError:
                    return
                continue
            still += passed
            if still >= _NOTED:
                holder = self._look(thread)
            if holder.debugged:
                still = 0.0
            elif still >= self._lease:
                self._end(still, holder)
            elif still >= _TOLD and not reported:
                reported = True
                self._say(partial(_stands_still, round(still, 1), holder))

    def _tick(self, ticked: threading.Event, asked: float) -> None:
        if time.monotonic() - asked > _LATE:
            self._tasks = len(asyncio.all_tasks())
        ticked.set()

    def _look(self, thread: int) -> LoopHolder:
        plugin = part = place = ours = ""
        debugged = False
        frame: FrameType | None = sys._current_frames().get(thread)
        while frame is not None:
            module = str(frame.f_globals.get("__name__", ""))
            debugged = debugged or module == _DEBUGGER
            if not plugin and (plugin := self._host.plugin_of(module)):
                place = f"{module}:{frame.f_lineno}"
            if plugin and not part:
                part = _part_of(frame)
            if not ours and module.startswith("appealbus."):
                ours = f"{module}:{frame.f_lineno}"
            frame = frame.f_back
        return LoopHolder(plugin, part, place or ours, debugged)

    def _over(self, seconds: float, holder: LoopHolder, *, told: bool) -> None:
        self.seconds[holder.plugin] = self.seconds.get(holder.plugin, 0.0) + seconds
        if told or self._told.is_news():
            self._say(partial(_stood_still, round(seconds, 1), holder))

    def _end(self, seconds: float, holder: LoopHolder) -> None:
        self._say(partial(_given_up, round(seconds, 1), holder, self._tasks))
        os._exit(EXIT_STUCK)

    def _say(self, say: Callable[[], object]) -> None:
        # The loop may be held by a log that cannot be written to; that log must not hold the watchdog, too.
        telling = threading.Thread(target=say, daemon=True)
        telling.start()
        telling.join(_TELLING)


def _part_of(frame: FrameType) -> str:
    if frame.f_code.co_name in _HOOKS:
        return f"hook.{frame.f_code.co_name}"
    owner = frame.f_locals.get("self")
    kind = next((kind for kind in KINDS if isinstance(owner, kind.interface)), None)
    name = getattr(owner, "name", "") if kind is not None else ""
    return kind.counted_as(name) if kind is not None and name else ""


def _stands_still(seconds: float, by: LoopHolder) -> None:
    log.error("loop.stands_still", seconds=seconds, plugin=by.plugin or None, part=by.part, place=by.place or None)


def _stood_still(seconds: float, by: LoopHolder) -> None:
    log.warning("loop.stood_still", seconds=seconds, plugin=by.plugin or None, part=by.part, place=by.place or None)


def _given_up(seconds: float, by: LoopHolder, tasks: int) -> None:
    plugin, place = by.plugin or None, by.place or None
    log.critical("loop.given_up", seconds=seconds, plugin=plugin, part=by.part, place=place, count=tasks or None)


def _largest_file() -> int:
    """Return the limit of file sizes in bytes; a plugin that lowers it does so until restart."""
    return resource.getrlimit(resource.RLIMIT_FSIZE)[1] % (1 << 64)  # -1 is as many as one likes


def _cannot_write() -> None:
    log.critical("process.cannot_write")


def _cut_off() -> None:
    log.critical("bus.cut_off", seconds=round(_AFTER_GRACE))
