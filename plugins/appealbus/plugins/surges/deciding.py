"""Decisions on an alarm, in the log and in the file, or in neither."""

import asyncio
from collections.abc import Callable
from contextlib import closing as closing_
from datetime import date
from pathlib import Path
from typing import Any

from appealbus.core import EventType, JournalError
from appealbus.core.clocks import wall
from appealbus.core.management import Journal, log
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.alarm import KeptAlarm
from appealbus.plugins.surges.kept import Closing, NotDone, Note
from appealbus.plugins.surges.store import Store, in_thread
from appealbus.schemas.base import printable

_LONGEST = 20.0
"""Timeout in seconds for the log entry; the file is locked for writing meanwhile."""


async def take(
    journal: Journal, file: Path, number: int, until: date, *, by: str, reason: str = "", seen: str | None = None
) -> KeptAlarm:
    """Take an alarm as in `kept.take`; if it cannot be logged, raise JournalError and change nothing."""
    note = _noting(journal, EventType.ALARM_TAKEN, number, until=until.isoformat(), reason=reason)
    return await _decided(file, number, lambda store: kept.take(store, number, by, until, wall(), seen=seen, note=note))


async def close(journal: Journal, file: Path, number: int, closing: Closing, *, seen: str | None = None) -> KeptAlarm:
    """Close an alarm as in `kept.close`; if it cannot be logged, raise JournalError and change nothing."""
    note = _noting(journal, EventType.ALARM_CLOSED, number, verdict=closing.verdict, reason=closing.done)
    return await _decided(file, number, lambda store: kept.close(store, number, closing, wall(), seen=seen, note=note))


async def _decided(file: Path, number: int, decide: Callable[[Store], KeptAlarm]) -> KeptAlarm:
    def work() -> KeptAlarm:
        if not file.exists():  # it lies on the machine of the bus, and is not made elsewhere
            raise NotDone(f"there is no alarm {number}: {file} is not there")
        with closing_(Store(file)) as store:
            return decide(store)

    return await in_thread(work)


def _noting(journal: Journal, what: EventType, number: int, **detail: Any) -> Note:
    """Return a function that writes the log entry from the file's thread, before the commit."""
    loop = asyncio.get_running_loop()
    told = {name: printable(value) for name, value in detail.items() if value}

    def note() -> None:
        noted = asyncio.run_coroutine_threadsafe(journal.do(log.Noted(what, str(number), told)), loop)
        try:
            noted.result(_LONGEST)
        except TimeoutError:
            noted.cancel()
            raise JournalError("the journal takes too long to note it, and nothing is done", "busy") from None

    return note
