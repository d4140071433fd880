"""What reports count, kept beside the journal in a file of SQLite of its own, which can be made anew from it."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import Any

from appealbus.core import ConfigError, Cursor
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
_PATIENCE = 60.0
"""Seconds that one report waits while another one writes a page, which takes milliseconds."""


class Store:
    """The file. Every method raises ConfigError where it cannot be read or written."""

    def __init__(self, path: Path | None) -> None:
        """Open it, or make it; None: in memory, for as long as this lives."""
        self._name = str(path) if path else ":memory:"
        with self._errors():
            if path is not None:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(self._name, timeout=_PATIENCE, check_same_thread=False)
            try:
                self._connection.executescript(_MEMORY + _SCHEMA)
            except sqlite3.Error:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close it. Idempotent."""
        self._connection.close()

    def cursor(self, journal: str) -> Cursor | None:
        """Return up to where this journal's log is followed; None: not at all.

        Raises:
            ConfigError: another journal is counted here.

        """
        rows = self.select("SELECT journal, cursor FROM followed")
        if rows and rows[0][0] != journal:
            raise ConfigError(f"{self._name} counts another journal; give plugins.report.file a file of its own")
        return Cursor.parse(rows[0][1]) if rows else None

    def put(self, facts: Iterable[Fact]) -> None:
        """Write down what is counted of appeals, in the place of what was."""
        with self._writing():
            self._put(facts)

    def follow(self, journal: str, facts: Iterable[Fact], since: Cursor, until: Cursor) -> Cursor:
        """Write down what is counted of appeals together with how far the log is read; return how far that is.

        Nothing is written where another report has read on meanwhile: its facts may be the newer ones.
        """
        with self._writing():
            now = self.cursor(journal)
            if now is not None and now != since:
                return now
            self._put(facts)
            self._note(journal, until)
            return until

    def begin(self, journal: str, cursor: Cursor, last: int) -> None:
        """Note that all is read up to the appeal with the last id; what is behind it was lost in a restore."""
        with self._writing():
            self._connection.execute("DELETE FROM fact WHERE appeal_id > ?", (last,))
            self._note(journal, cursor)

    def select(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._errors():
            return self._connection.execute(query, values).fetchall()

    def function(self, name: str, arguments: int, use: Any) -> None:
        """Have queries know a function."""
        with self._errors():
            self._connection.create_function(name, arguments, use, deterministic=True)

    def _put(self, facts: Iterable[Fact]) -> None:
        self._connection.executemany(_PUT, [tuple(map(_stored, _VALUES(each))) for each in facts])

    def _note(self, journal: str, cursor: Cursor) -> None:
        self._connection.execute("INSERT OR REPLACE INTO followed VALUES (1, ?, ?)", (journal, str(cursor)))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._errors(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ConfigError(f"the file of reports, {self._name}, cannot be used: {error.sqlite_errorname}") from None
        except OSError as error:
            raise ConfigError(f"the file of reports, {self._name}, cannot be used: {error.strerror}") from None


def _stored(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
