"""The wires to the configured sources, opened at the start, or later if their plugins raise."""

import asyncio
from collections.abc import Mapping
from functools import partial

from appealbus.core.bus.tasks import PartTasks, Phase
from appealbus.core.guards.given import Bound
from appealbus.core.guards.guard import Guard
from appealbus.core.interfaces.answer import Answers


class SourceWires:
    """Opens and closes the wires to all sources, and listens for late answers."""

    def __init__(
        self, sources: Mapping[str, Bound], guards: Mapping[str, Guard], answers: Answers, tasks: PartTasks
    ) -> None:
        self._sources = sources
        self._guards = guards
        self._answers = answers
        self._tasks = tasks

    async def open(self) -> None:
        """Open all wires. ConfigError if a contract that a source names is broken."""
        await asyncio.gather(*map(self._open, self._sources.values()))

    async def listen(self) -> None:
        await asyncio.gather(*map(self._listen, self._sources.values()))

    async def close(self, seconds: float) -> None:
        closing = (
            self._tasks.close(f"source.{bound.name}", bound.wire.close, bound.plugin, seconds)
            for bound in self._sources.values()
        )
        await asyncio.gather(*closing)

    async def _open(self, bound: Bound) -> None:
        guard = self._guards[bound.name]
        guard.ready = await self._tasks.open(f"source.{bound.name}", bound.wire.start, bound.plugin)
        if not guard.ready:
            self._open_later(bound)

    async def _listen(self, bound: Bound) -> None:
        listen = partial(bound.wire.listen, self._answers)
        if self._guards[bound.name].ready and not await self._tasks.open(f"source.{bound.name}", listen, bound.plugin):
            self._open_later(bound)

    def _open_later(self, bound: Bound) -> None:
        name, run = f"source.{bound.name}", partial(self._open_late, bound)
        self._tasks.start(name, run, Phase.LAST, bound.plugin, later=True)

    async def _open_late(self, bound: Bound) -> None:
        guard = self._guards[bound.name]
        if not guard.ready:
            await bound.wire.start()
            guard.ready = True
        await bound.wire.listen(self._answers)
