"""Possible surges of the current week, found once a day after working hours."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import TypeAdapter

from appealbus.plugins.surges.alarm import Alarm, Day
from appealbus.plugins.surges.store import Store

_DAYS, _ROWS = 400, 5000
"""Maximum number of days and possible surges kept: a year, and some screens of the worst day."""


@dataclass(frozen=True, slots=True)
class Possible:
    """More appeals by the end of a day than that part of a week explains. It is no alarm."""

    id: int
    day: date
    passed: float
    calendar: str
    found_at: datetime
    surge: Alarm


_ROW = TypeAdapter(Possible)


def looked(store: Store, day: date) -> bool:
    with store.reading() as connection:
        return connection.execute("SELECT 1 FROM looked WHERE day = ?", (day.isoformat(),)).fetchone() is not None


def note(store: Store, look: Day, alarms: Sequence[Alarm], now: datetime) -> int:
    """Store an evaluation; return the number of new ones, 0 if the day was already stored."""
    with store.writing() as connection:
        row = (look.day.isoformat(), now.isoformat(), look.passed, look.calendar, look.tested, look.limit)
        if not connection.execute("INSERT OR IGNORE INTO looked VALUES (?, ?, ?, ?, ?, ?)", row).rowcount:
            return 0
        connection.executemany(
            "INSERT OR IGNORE INTO possible (day, category, place, found_at, body) VALUES (?, ?, ?, ?, ?)",
            [(row[0], alarm.category, alarm.place, now.isoformat(), alarm.model_dump_json()) for alarm in alarms],
        )
        # By their order and not by their days: a clock that was wrong deletes nothing that is new.
        connection.execute("DELETE FROM looked WHERE rowid <= (SELECT max(rowid) FROM looked) - ?", (_DAYS,))
        connection.execute("DELETE FROM possible WHERE id <= (SELECT max(id) FROM possible) - ?", (_ROWS,))
        connection.execute("DELETE FROM sent WHERE kind = 'possible' AND id < (SELECT min(id) FROM possible)")
    return len(alarms)


def newest(store: Store) -> tuple[Day | None, list[Possible]]:
    """Return the last evaluation and its possible surges, the least probable first."""
    with store.reading() as connection:
        row = connection.execute("SELECT * FROM looked ORDER BY rowid DESC LIMIT 1").fetchone()
        if row is None:
            return None, []
        rows = connection.execute(
            "SELECT * FROM possible JOIN looked USING (day) WHERE day = ? ORDER BY id", (row["day"],)
        ).fetchall()
    day = Day(day=row["day"], passed=row["passed"], calendar=row["calendar"], tested=row["tested"], limit=row["bound"])
    return day, [read(row) for row in rows]


def read(row: sqlite3.Row) -> Possible:
    return _ROW.validate_python({**dict(row), "surge": Alarm.kept(row["body"])})
