"""Data of surges beside the journal: weekly counts, and alarms with their handling.

A separate SQLite file. Counts outlive appeals that the journal deletes by age, and decisions on alarms are nowhere
else: so back the file up.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

import orjson

from appealbus.core import WeekCount
from appealbus.core.serving import OwnFile
from appealbus.plugins.surges.series import WeekRow

P = ParamSpec("P")
T = TypeVar("T")
SCHEMA = """
CREATE TABLE IF NOT EXISTS week (
    monday TEXT NOT NULL, category TEXT NOT NULL, place TEXT NOT NULL,
    appeals INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
    PRIMARY KEY (monday, category, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS again (
    monday TEXT NOT NULL, category TEXT NOT NULL, place TEXT NOT NULL,
    appeals INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
    PRIMARY KEY (monday, category, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counted (one INTEGER PRIMARY KEY, journal TEXT NOT NULL, epoch INTEGER NOT NULL,
    upto INTEGER NOT NULL, again INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS judged (monday TEXT PRIMARY KEY, at TEXT NOT NULL, tested INTEGER NOT NULL,
    bound REAL NOT NULL);
CREATE TABLE IF NOT EXISTS looked (day TEXT PRIMARY KEY, at TEXT NOT NULL, passed REAL NOT NULL, calendar TEXT NOT NULL,
    tested INTEGER NOT NULL, bound REAL NOT NULL);
CREATE TABLE IF NOT EXISTS possible (
    id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT NOT NULL, category TEXT NOT NULL, place TEXT NOT NULL,
    found_at TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (day, category, place)
);
CREATE TABLE IF NOT EXISTS sent (
    kind TEXT NOT NULL, id INTEGER NOT NULL, way TEXT NOT NULL, tries INTEGER NOT NULL, told_at TEXT,
    PRIMARY KEY (kind, id, way)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarm (
    id INTEGER PRIMARY KEY AUTOINCREMENT, monday TEXT NOT NULL, category TEXT NOT NULL, place TEXT NOT NULL,
    raised_at TEXT NOT NULL, body TEXT NOT NULL, told_at TEXT,
    taken_at TEXT, taken_by TEXT, taken_until TEXT, closed_at TEXT, closed_by TEXT, verdict TEXT, done TEXT,
    UNIQUE (monday, category, place)
);
CREATE INDEX IF NOT EXISTS alarm_taken ON alarm (category, place) WHERE closed_at IS NULL AND taken_until IS NOT NULL;
"""
_COUNT = """
INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET appeals = appeals + excluded.appeals,
    first_id = min(first_id, excluded.first_id), last_id = max(last_id, excluded.last_id)
"""
_MERGE = """
INSERT INTO week SELECT * FROM again WHERE true ON CONFLICT DO UPDATE SET appeals = max(appeals, excluded.appeals),
    first_id = excluded.first_id, last_id = excluded.last_id
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """Last counted appeal and its epoch; `again`: a recount after a restore of the journal."""

    epoch: int = 0
    upto: int = 0
    again: bool = False


class Store(OwnFile):
    """The file. Every method raises ConfigError if it is unreadable or not writable."""

    if_damaged = "; `appealbus surges anew` makes it anew from the journal"

    def __init__(self, path: Path | None) -> None:
        """Open or create the file; None: in memory."""
        super().__init__(path, "surges", SCHEMA)

    def counted(self, journal: str) -> Counted:
        """Return the position in this journal; raise ConfigError if the file belongs to another one."""
        with self.reading() as connection:
            row = connection.execute("SELECT * FROM counted").fetchone()
        if row is None:
            return Counted()
        self.belongs_to(journal, row["journal"])
        return Counted(row["epoch"], row["upto"], bool(row["again"]))

    def count(self, journal: str, since: Counted, until: Counted, rows: tuple[WeekCount, ...]) -> None:
        """Add counts and move the position; no effect if another process has moved it.

        In a recount after a restore, each count becomes the larger one of both.
        """
        with self.writing() as connection:
            if self.counted(journal) != since:
                return
            added = [
                (row.monday.isoformat(), row.category or "", row.place or "", row.appeals, row.first_id, row.last_id)
                for row in rows
            ]
            connection.executemany(_COUNT.format(table="again" if since.again else "week"), added)
            if since.again and not until.again:
                connection.execute(_MERGE)
                connection.execute("DELETE FROM again")
            self._note(connection, journal, until)

    def begin_again(self, journal: str, since: Counted, epoch: int) -> None:
        """Begin a recount after a restore of the journal. No effect if another process has begun it."""
        with self.writing() as connection:
            if self.counted(journal) == since:
                connection.execute("DELETE FROM again")
                self._note(connection, journal, Counted(epoch, 0, again=True))

    def rows(self, since: date = date.min) -> list[WeekRow]:
        query = (
            "SELECT monday, category, substr(place, 1, 4) AS place, sum(appeals) AS appeals"
            " FROM week WHERE monday >= ? GROUP BY monday, category, substr(place, 1, 4)"
        )
        day = cache(date.fromisoformat)
        with self.reading() as connection:
            rows = connection.execute(query, (since.isoformat(),))
            return [WeekRow(day(monday), category, place, appeals) for monday, category, place, appeals in rows]

    def ids(self, monday: date, category: str, places: str) -> tuple[int, int] | None:
        query = "SELECT min(first_id), max(last_id) FROM week WHERE monday = ? AND ? IN ('', category) AND place GLOB ?"
        with self.reading() as connection:
            first, last = connection.execute(query, (monday.isoformat(), category, places + "*")).fetchone()
        return None if first is None else (first, last)

    def weekly(self, mondays: Sequence[date], category: str, places: Sequence[str]) -> list[tuple[date, int]]:
        """Return the counts of a series in these weeks, without weeks before the first known; perhaps of several
        places."""
        asked = [monday.isoformat() for monday in mondays]
        which, given = "monday IN (SELECT value FROM json_each(?))", [orjson.dumps(asked).decode()]
        if category:
            which, given = f"{which} AND category = ?", [*given, category]
        if all(places):  # by comparison: a pattern takes twice as long over all topics of a year
            which += f" AND ({' OR '.join(['place BETWEEN ? AND ?'] * len(places))})"
            given += [end for place in places for end in (place, f"{place}:")]  # a colon follows the digits
        with self.reading() as connection:
            (first,) = connection.execute("SELECT min(monday) FROM week").fetchone()
            query = f"SELECT monday, sum(appeals) FROM week WHERE {which} GROUP BY 1"  # noqa: S608 - ours
            counts = dict(connection.execute(query, given).fetchall())
        return [(day, counts.get(text, 0)) for day, text in zip(mondays, asked, strict=True) if first and text >= first]

    def forget_the_future(self, now: datetime) -> None:
        """Forget evaluations that a wrong clock placed in the future. Their results stay, and are not found twice."""
        with self.writing() as connection:
            for table in ("judged", "looked"):
                connection.execute(f"DELETE FROM {table} WHERE at > ?", (now.isoformat(),))  # noqa: S608 - ours

    def judged(self) -> list[date]:
        with self.reading() as connection:
            return [date.fromisoformat(row[0]) for row in connection.execute("SELECT monday FROM judged ORDER BY 1")]

    def note_judged(self, monday: date, now: datetime, tested: int, limit: float) -> None:
        row = (monday.isoformat(), now.isoformat(), tested, limit)
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?)", row)

    def _note(self, connection: sqlite3.Connection, journal: str, until: Counted) -> None:
        connection.execute(
            "INSERT INTO counted (one, journal, epoch, upto, again) VALUES (1, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET epoch = excluded.epoch, upto = excluded.upto, again = excluded.again",
            (journal, until.epoch, until.upto, until.again),
        )


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call in a thread, so that a slow disk does not block the bus.

    On cancellation it waits for the call first, so that the file is not closed under it.
    """
    task = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
