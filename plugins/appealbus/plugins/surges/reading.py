"""What others see of surges: the API asks, and the console may. They change nothing."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from appealbus.plugins.surges import kept, possible
from appealbus.plugins.surges.alarm import KeptAlarm
from appealbus.plugins.surges.store import Store
from appealbus.plugins.surges.threads import in_thread

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Week:
    """The last week that was judged: how many series were tested, where the bound was, and its alarms."""

    monday: date
    tested: int
    limit: float
    alarms: tuple[KeptAlarm, ...]


@dataclass(frozen=True, slots=True)
class Now:
    """How things stand: the last week, the last day with what is possible, and how alarms have turned out."""

    week: Week | None
    day: possible.Day | None
    possible: tuple[possible.Possible, ...]
    record: kept.Record


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads the file, each time anew, in a thread.

    Each method raises ConfigError where the file is there and cannot be read. Where it is not, there is nothing: it
    lies on the machine of the bus, and is not made elsewhere.
    """

    file: Path | None

    async def now(self) -> Now | None:
        """Return how things stand; None where nothing is kept here."""
        return await self._read(_now)

    async def alarms(self, *, closed: bool, before: int | None, limit: int) -> list[KeptAlarm]:
        """Return a page of alarms, the newest first."""
        return await self._read(lambda store: kept.alarms(store, closed=closed, before=before, limit=limit)) or []

    async def alarm(self, number: int) -> KeptAlarm | None:
        """Return one; None where there is none with this number."""
        return await self._read(lambda store: kept.alarm(store, number))

    async def _read(self, read: Callable[[Store], T]) -> T | None:
        def opened(file: Path) -> T | None:
            if not file.exists():
                return None
            with closing(Store(file)) as store:
                return read(store)

        return None if self.file is None else await in_thread(opened, self.file)


def _now(store: Store) -> Now:
    day, maybe = possible.newest(store)
    return Now(_week(store), day, tuple(maybe), kept.record(store))


def _week(store: Store) -> Week | None:
    with store.reading() as connection:
        row = connection.execute("SELECT * FROM judged ORDER BY at DESC, monday DESC LIMIT 1").fetchone()
    if row is None:
        return None
    monday = date.fromisoformat(row["monday"])
    return Week(monday, row["tested"], row["bound"], tuple(kept.of_week(store, monday)))
