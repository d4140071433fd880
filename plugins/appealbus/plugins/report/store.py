"""The counts of reports, in a separate SQLite file that can be rebuilt from the journal."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import Any

from appealbus.core import ConfigError, Cursor
from appealbus.core.serving import OwnFile
from appealbus.plugins.report.fact import Fact

_COLUMNS = [field.name for field in fields(Fact) if field.name not in ("matters", "districts")]
_VALUES = attrgetter(*_COLUMNS)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS fact ({_COLUMNS[0]} INTEGER PRIMARY KEY, {", ".join(_COLUMNS[1:])});
CREATE TABLE IF NOT EXISTS matter (mark BLOB, day TEXT, appeal_id INTEGER, PRIMARY KEY (mark, day, appeal_id))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS matter_of ON matter (appeal_id);
CREATE TABLE IF NOT EXISTS district (code TEXT PRIMARY KEY, ru TEXT NOT NULL, kk TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS followed (one INTEGER PRIMARY KEY CHECK (one = 1), journal TEXT NOT NULL, cursor TEXT,
    key BLOB NOT NULL);
"""
_PUT = f"INSERT OR REPLACE INTO fact VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - names of fields
_DISTRICT = "INSERT OR REPLACE INTO district VALUES (?, ?, ?)"
_MEMORY = "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -131072;"
"""Cache in KiB, enough to sort most of a million appeals in memory."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The journal behind the counts.

    Attributes:
        journal: its identity.
        key: identity of its key: marks made with another key do not match.
    """

    journal: str
    key: bytes


class Store(OwnFile):
    """The file. Every method raises ConfigError if it is unreadable or not writable."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the file; None: in memory."""
        super().__init__(path, "report", _MEMORY + _SCHEMA)
        if [row["name"] for row in self.select("PRAGMA table_info(fact)")] != _COLUMNS:
            self.close()
            text = f"{self.name} was made by another release, which counts otherwise; give plugins.report.file another"
            raise ConfigError(f"{text} file: what the journal holds is counted anew there")

    def cursor(self, followed: Followed) -> Cursor | None:
        """Return the position in the log; None if there is none for this key. Raise ConfigError for another journal."""
        rows = self.select("SELECT journal, cursor, key FROM followed")
        if not rows:
            return None
        self.belongs_to(followed.journal, rows[0]["journal"])
        return Cursor.parse(rows[0]["cursor"]) if rows[0]["key"] == followed.key else None

    def put(self, facts: Iterable[Fact]) -> None:
        with self.writing() as connection:
            _put(connection, facts)

    def follow(self, followed: Followed, facts: Iterable[Fact], since: Cursor, until: Cursor) -> Cursor:
        """Store facts together with the new log position; return the stored position.

        Nothing is stored if another process has moved the position: its facts may be newer.
        """
        with self.writing() as connection:
            now = self.cursor(followed)
            if now is not None and now != since:
                return now
            _put(connection, facts)
            _note(connection, followed, until)
            return until

    def begin(self, followed: Followed, cursor: Cursor, last: int) -> None:
        """Record a full read up to the last id; facts after it were lost in a restore."""
        with self.writing() as connection:
            connection.execute("DELETE FROM fact WHERE appeal_id > ?", (last,))
            connection.execute("DELETE FROM matter WHERE appeal_id > ?", (last,))
            _note(connection, followed, cursor)

    def select(self, query: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        with self.reading() as connection:
            return connection.execute(query, values).fetchall()

    def function(self, name: str, arguments: int, use: Any) -> None:
        with self.reading() as connection:
            connection.create_function(name, arguments, use, deterministic=True)


def _put(connection: sqlite3.Connection, facts: Iterable[Fact]) -> None:
    some = list(facts)
    connection.executemany(_PUT, [tuple(map(_stored, _VALUES(fact))) for fact in some])
    connection.executemany("DELETE FROM matter WHERE appeal_id = ?", [(fact.appeal_id,) for fact in some])
    matters = [(mark, fact.day.isoformat(), fact.appeal_id) for fact in some for mark in fact.matters]
    connection.executemany("INSERT INTO matter VALUES (?, ?, ?)", matters)
    districts = {code: names for fact in some for code, *names in fact.districts}
    connection.executemany(_DISTRICT, [(code, *names) for code, names in districts.items()])


def _note(connection: sqlite3.Connection, followed: Followed, cursor: Cursor) -> None:
    values = (followed.journal, str(cursor), followed.key)
    connection.execute("INSERT OR REPLACE INTO followed VALUES (1, ?, ?, ?)", values)


def _stored(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
