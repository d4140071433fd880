"""What reports count, kept beside the journal in a file of SQLite of its own, which can be made anew from it."""

import sqlite3
from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import Any

from appealbus.core import Cursor
from appealbus.core.own_file import OwnFile
from appealbus.plugins.report.fact import Fact

_COLUMNS = [each.name for each in fields(Fact)]
_VALUES = attrgetter(*_COLUMNS)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS fact ({_COLUMNS[0]} INTEGER PRIMARY KEY, {", ".join(_COLUMNS[1:])});
CREATE TABLE IF NOT EXISTS followed (one INTEGER PRIMARY KEY CHECK (one = 1), journal TEXT NOT NULL, cursor TEXT);
"""
_PUT = f"INSERT OR REPLACE INTO fact VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - names of fields
_MEMORY = "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -131072;"
"""KiB in which most of a million appeals are sorted by row, and not in files."""


class Store(OwnFile):
    """The file. Every method raises ConfigError where it cannot be read or written."""

    def __init__(self, path: Path | None) -> None:
        """Open it, or make it; None: in memory, for as long as this lives."""
        super().__init__(path, "report", _MEMORY + _SCHEMA)

    def cursor(self, journal: str) -> Cursor | None:
        """Return up to where this journal's log is followed; None: not at all.

        Raises:
            ConfigError: another journal is counted here.

        """
        rows = self.select("SELECT journal, cursor FROM followed")
        if not rows:
            return None
        self.belongs_to(journal, rows[0][0])
        return Cursor.parse(rows[0][1])

    def put(self, facts: Iterable[Fact]) -> None:
        """Write down what is counted of appeals, in the place of what was."""
        with self.writing() as connection:
            _put(connection, facts)

    def follow(self, journal: str, facts: Iterable[Fact], since: Cursor, until: Cursor) -> Cursor:
        """Write down what is counted of appeals together with how far the log is read; return how far that is.

        Nothing is written where another report has read on meanwhile: its facts may be the newer ones.
        """
        with self.writing() as connection:
            now = self.cursor(journal)
            if now is not None and now != since:
                return now
            _put(connection, facts)
            _note(connection, journal, until)
            return until

    def begin(self, journal: str, cursor: Cursor, last: int) -> None:
        """Note that all is read up to the appeal with the last id; what is behind it was lost in a restore."""
        with self.writing() as connection:
            connection.execute("DELETE FROM fact WHERE appeal_id > ?", (last,))
            _note(connection, journal, cursor)

    def select(self, query: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self.reading() as connection:
            return connection.execute(query, values).fetchall()

    def function(self, name: str, arguments: int, use: Any) -> None:
        """Have queries know a function."""
        with self.reading() as connection:
            connection.create_function(name, arguments, use, deterministic=True)


def _put(connection: sqlite3.Connection, facts: Iterable[Fact]) -> None:
    connection.executemany(_PUT, [tuple(map(_stored, _VALUES(each))) for each in facts])


def _note(connection: sqlite3.Connection, journal: str, cursor: Cursor) -> None:
    connection.execute("INSERT OR REPLACE INTO followed VALUES (1, ?, ?)", (journal, str(cursor)))


def _stored(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
