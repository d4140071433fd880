"""What surges keep beside the journal: the counts of past weeks, and the alarms with what people said of them.

A file of SQLite of its own. Counts outlive the appeals that the journal deletes for their age, and words on alarms are
nowhere else: so the file belongs into the backup.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from appealbus.core import ConfigError, WeekCount
from appealbus.plugins.surges.series import WeekRow

_SCHEMA = """
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
    upto INTEGER NOT NULL, again INTEGER NOT NULL, judged TEXT);
CREATE TABLE IF NOT EXISTS alarm (
    id INTEGER PRIMARY KEY AUTOINCREMENT, monday TEXT NOT NULL, category TEXT NOT NULL, place TEXT NOT NULL,
    raised_at TEXT NOT NULL, body TEXT NOT NULL, told_at TEXT,
    taken_at TEXT, taken_by TEXT, taken_until TEXT, closed_at TEXT, closed_by TEXT, verdict TEXT, done TEXT,
    UNIQUE (monday, category, place)
);
"""
_COUNT = """
INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET appeals = appeals + excluded.appeals,
    first_id = min(first_id, excluded.first_id), last_id = max(last_id, excluded.last_id)
"""
_MERGE = """
INSERT INTO week SELECT * FROM again WHERE true ON CONFLICT DO UPDATE SET appeals = max(appeals, excluded.appeals),
    first_id = excluded.first_id, last_id = excluded.last_id
"""
_PATIENCE = 30.0
"""Seconds that a command waits while the service writes, which takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Up to which appeal of which epoch is counted; `again`: beside what was counted before the journal's restore."""

    epoch: int = 0
    upto: int = 0
    again: bool = False


class Store:
    """The file. Every method raises ConfigError where it cannot be read or written."""

    def __init__(self, path: Path | None) -> None:
        """Open it, or make it; None: in memory, for as long as this lives."""
        self._name = str(path) if path else ":memory:"
        with self._errors():
            # Not in WAL mode: a write and a checkpoint of two processes may damage that before SQLite 3.51.3.
            if path is not None:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self.connection = sqlite3.connect(self._name, timeout=_PATIENCE, check_same_thread=False)
            self.connection.row_factory = sqlite3.Row
            try:
                self.connection.executescript(_SCHEMA)
            except sqlite3.Error:
                self.connection.close()
                raise

    def close(self) -> None:
        """Close it. Idempotent."""
        self.connection.close()

    def counted(self, journal: str) -> Counted:
        """Return how far this journal is counted.

        Raises:
            ConfigError: another one is counted here.

        """
        with self._errors():
            row = self.connection.execute("SELECT * FROM counted").fetchone()
        if row is None:
            return Counted()
        if row["journal"] != journal:
            raise ConfigError(f"{self._name} counts another journal; give plugins.surges.file a file of its own")
        return Counted(row["epoch"], row["upto"], bool(row["again"]))

    def count(self, journal: str, since: Counted, until: Counted, rows: tuple[WeekCount, ...]) -> None:
        """Add the appeals from one to another, and note up to which; nothing where somebody else has counted them.

        Where those of before a restore are counted again by then, each count is the larger one of both.
        """
        with self.writing():
            if self.counted(journal) != since:
                return
            added = [
                (row.monday.isoformat(), row.category or "", row.place or "", row.appeals, row.first_id, row.last_id)
                for row in rows
            ]
            self.connection.executemany(_COUNT.format(table="again" if since.again else "week"), added)
            if since.again and not until.again:
                self.connection.execute(_MERGE)
                self.connection.execute("DELETE FROM again")
            self._note(journal, until)

    def begin_again(self, journal: str, since: Counted, epoch: int) -> None:
        """Count all from the first appeal on, beside what is counted: the journal was restored.

        Nothing where somebody else has begun.
        """
        with self.writing():
            if self.counted(journal) == since:
                self.connection.execute("DELETE FROM again")
                self._note(journal, Counted(epoch, 0, again=True))

    def rows(self, since: date = date.min) -> list[WeekRow]:
        """Return the counts of the weeks from a Monday on, by district."""
        query = (
            "SELECT monday, category, substr(place, 1, 4) AS place, sum(appeals) AS appeals"
            " FROM week WHERE monday >= ? GROUP BY monday, category, substr(place, 1, 4)"
        )
        with self._errors():
            found = self.connection.execute(query, (since.isoformat(),)).fetchall()
        days = {text: date.fromisoformat(text) for text in {row["monday"] for row in found}}
        return [WeekRow(days[row["monday"]], row["category"], row["place"], row["appeals"]) for row in found]

    def ids(self, monday: date, category: str, places: str) -> tuple[int, int] | None:
        """Return the first and the last appeal of a week, a category and what a place begins with."""
        query = "SELECT min(first_id), max(last_id) FROM week WHERE monday = ? AND ? IN ('', category) AND place GLOB ?"
        with self._errors():
            first, last = self.connection.execute(query, (monday.isoformat(), category, places + "*")).fetchone()
        return None if first is None else (first, last)

    def judged(self) -> date | None:
        """Return the Monday of the last week whose alarms were raised."""
        with self.reading() as connection:
            row = connection.execute("SELECT judged FROM counted").fetchone()
        return None if row is None else _day(row["judged"])

    def note_judged(self, monday: date) -> None:
        """Note that the alarms of a week are raised."""
        with self.writing() as connection:
            connection.execute("UPDATE counted SET judged = ?", (monday.isoformat(),))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction."""
        with self._errors(), self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read."""
        with self._errors():
            yield self.connection

    def _note(self, journal: str, until: Counted) -> None:
        self.connection.execute(
            "INSERT INTO counted (one, journal, epoch, upto, again) VALUES (1, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET epoch = excluded.epoch, upto = excluded.upto, again = excluded.again",
            (journal, until.epoch, until.upto, until.again),
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ConfigError(f"the file of surges, {self._name}, cannot be used: {error.sqlite_errorname}") from None
        except OSError as error:
            raise ConfigError(f"the file of surges, {self._name}, cannot be used: {error.strerror}") from None


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
