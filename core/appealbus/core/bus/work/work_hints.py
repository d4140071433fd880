"""The work queue: hints between workers about waiting appeals."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from appealbus.core.bus.tasks import PartTasks, Phase
from appealbus.core.domain.case import Case
from appealbus.core.interfaces.work import Waiting, WorkQueue
from appealbus.core.journal.codec import urgency_of
from appealbus.core.plugin_calls.boundary import is_defect

NAME = "work_queue"
"""Name of the work queue in the log and the count of defects."""


class WorkHints:
    """Hints other workers about waiting appeals and handles their hints; without a queue it does nothing.

    `look` polls the journal and returns whether it did.
    """

    def __init__(
        self, queue: WorkQueue[Any] | None, plugin: str, look: Callable[[], Awaitable[bool]], tasks: PartTasks
    ) -> None:
        self._queue = queue
        self._plugin = plugin
        self._look = look
        self._tasks = tasks
        self._open = False

    async def start(self) -> None:
        """Open the queue and listen, or retry later if its plugin raises. ConfigError for wrong settings."""
        if self._queue is not None:
            self._open = await self._tasks.open(NAME, self._queue.start, self._plugin)
            run = partial(self._run, self._queue)
            self._tasks.start(NAME, run, Phase.TAKING, self._plugin, later=not self._open)

    def offer(self, case: Case) -> None:
        """Hint to other workers at an appeal for which this one has no room."""
        if self._queue is not None and self._open:
            try:
                self._queue.offer(Waiting(case.appeal_id, case.receipt.number, urgency_of(case.due_on)))
            except BaseException as error:
                if not is_defect(error):
                    raise
                self._tasks.raised(NAME)

    async def close(self, seconds: float) -> None:
        if self._queue is not None:
            await self._tasks.close(NAME, self._queue.close, self._plugin, seconds)

    async def _run(self, queue: WorkQueue[Any]) -> None:
        if not self._open:
            await queue.start()
            self._open = True
        await queue.run(self._look)
