"""Read access to surges for the API and the console."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from appealbus.plugins.surges import kept, possible
from appealbus.plugins.surges.alarm import Alarm, Day, KeptAlarm, SurgeRecord
from appealbus.plugins.surges.series import WEEK
from appealbus.plugins.surges.store import Store, in_thread
from appealbus.plugins.surges.watch import last_whole_week

T = TypeVar("T")
_BEFORE, _AFTER = 51, 8
"""Weeks shown before and after an alarm: a year, and what followed."""
_BESIDE = "SELECT (SELECT max(monday) FROM judged WHERE monday < ?), (SELECT min(monday) FROM judged WHERE monday > ?)"


@dataclass(frozen=True, slots=True)
class Week:
    monday: date
    tested: int
    limit: float
    alarms: tuple[KeptAlarm, ...]
    before: date | None = None
    """Monday of the judged week before this one."""
    after: date | None = None
    """Monday of the judged week after this one."""


@dataclass(frozen=True, slots=True)
class Now:
    week: Week | None
    day: Day | None
    possible: tuple[possible.Possible, ...]
    record: SurgeRecord


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads the file anew for each call, in a thread.

    Each method raises ConfigError if the file is unreadable. Without a file the result is empty: the file is on the
    machine of the bus, and is not created elsewhere.
    """

    file: Path | None

    @classmethod
    def of(cls, shared: object) -> "Reading":
        """Return the plugin's shared object; an empty one if the plugin is not loaded."""
        return shared if isinstance(shared, cls) else cls(None)

    async def now(self) -> Now | None:
        return await self._read(_now)

    async def alarms(self, *, closed: bool, before: int | None, limit: int) -> list[KeptAlarm]:
        return await self._read(lambda store: kept.alarms(store, closed=closed, before=before, limit=limit)) or []

    async def alarm(self, number: int) -> KeptAlarm | None:
        return await self._read(lambda store: kept.alarm(store, number))

    async def week(self, monday: date) -> Week | None:
        """Return a week; None if it was not judged."""
        return await self._read(lambda store: _week(store, monday))

    async def series(self, alarm: Alarm, now: datetime) -> list[tuple[date, int]]:
        """Return the weekly counts of an alarm's series, from a year before to some weeks after."""
        last = min(alarm.monday + _AFTER * WEEK, last_whole_week(now))
        weeks = [
            alarm.monday - ago * WEEK for ago in range(_BEFORE, -_AFTER - 1, -1) if alarm.monday - ago * WEEK <= last
        ]
        return await self._read(lambda store: store.weekly(weeks, alarm.category, alarm.place.split("+"))) or []

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


def _week(store: Store, monday: date | None = None) -> Week | None:
    which = "1" if monday is None else "monday = ?"
    query = f"SELECT * FROM judged WHERE {which} ORDER BY at DESC, monday DESC LIMIT 1"  # noqa: S608 - ours
    with store.reading() as connection:
        row = connection.execute(query, () if monday is None else (monday.isoformat(),)).fetchone()
        if row is None:
            return None
        beside = connection.execute(_BESIDE, (row["monday"],) * 2).fetchone()
    monday = date.fromisoformat(row["monday"])
    before, after = (None if edge is None else date.fromisoformat(edge) for edge in beside)
    return Week(monday, row["tested"], row["bound"], tuple(kept.of_week(store, monday)), before, after)
