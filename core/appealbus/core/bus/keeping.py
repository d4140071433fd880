"""Keeping the parts of a bus running: each in a task of its own, started again where its plugin raises."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any

import structlog

from appealbus.core.doors import entered, is_defect, within
from appealbus.core.errors import ConfigError

log = structlog.get_logger(__name__)

OPENING = 60.0
"""Seconds that a part has to open in: contracts take seconds, and nothing else starts meanwhile."""
RESTART = 5.0
"""Seconds until a part that raised starts again: often enough for people, seldom enough for a log."""


class Keeper:
    """The tasks of a bus's parts, and what was raised in them."""

    def __init__(self, defects: Counter[str]) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._defects = defects
        self._called_off: set[asyncio.Task[None]] = set()

    def go(
        self, name: str, run: Callable[[], Coroutine[Any, Any, None]], plugin: str = "", *, later: bool = False
    ) -> None:
        """Run a part until it ends by itself; one that raises starts again, or the bus would go on without it."""
        keep = self._keep(name, run, RESTART if later else 0.0)
        task = asyncio.get_running_loop().create_task(keep, name=name, context=entered(plugin))
        self.tasks.append(task)
        task.add_done_callback(partial(self._ended, name, run, plugin))

    async def opened(self, name: str, open_: Callable[[], Awaitable[None]], plugin: str) -> bool:
        """Open a part; return False, once it is told, where its plugin raises over it or does not come to an end.

        Raises:
            ConfigError: the part finds its configuration wrong.

        """
        try:
            await within(OPENING, open_, plugin, partial(self.left, name))
        except BaseException as error:
            if isinstance(error, ConfigError) or not is_defect(error):
                raise
            self.raised(name)
            return False
        return True

    async def closed(self, name: str, close: Callable[[], Awaitable[None]], plugin: str, seconds: float) -> None:
        """Close a part, for so long; whatever it raises, the others are closed too."""
        try:
            await within(seconds, close, plugin, partial(self.left, name))
        except BaseException as error:
            if not is_defect(error):
                raise
            self.raised(name)

    def call_off(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        """Cancel parts, for good."""
        for task in tasks:
            self._called_off.add(task)
            task.cancel()

    async def end(self, seconds: float) -> None:
        """Cancel all that runs, and wait for its end, for so long."""
        self.call_off(self.tasks)
        if self.tasks:
            for task in (await asyncio.wait(self.tasks, timeout=seconds))[1]:
                self.left(task.get_name(), task)

    def raised(self, name: str) -> None:
        """Tell and count the exception at hand."""
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
        """Count a defect that is told elsewhere."""
        self._defects[name] += 1

    def left(self, name: str, task: asyncio.Task[Any]) -> None:
        """Tell of a part that goes on although it was told to end."""
        log.error("bus.part_stuck", kind=name)

    async def _keep(self, name: str, run: Callable[[], Coroutine[Any, Any, None]], pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            pause = RESTART
            try:
                await run()
                return
            except BaseException as error:
                if not is_defect(error):
                    raise
                self.raised(name)

    def _ended(
        self, name: str, run: Callable[[], Coroutine[Any, Any, None]], plugin: str, task: asyncio.Task[None]
    ) -> None:
        if task.cancelled() and task not in self._called_off:  # its plugin has cancelled the task that it runs in
            self.count(name)
            log.error("bus.part_ended", kind=name)
            self.tasks.remove(task)
            self.go(name, run, plugin, later=True)
