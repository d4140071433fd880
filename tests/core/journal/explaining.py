"""Hears how the database would do each statement, be it SQLAlchemy's or one that goes straight to the driver."""

import re
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from appealbus.core.journal.drivers import pipeline
from appealbus.core.journal.drivers.encoding import Command

_HAS_PLAN = re.compile(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b").match


def explain_all(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return where from now on each statement is found, with its plan.

    Of SQLite those of connections that are opened from now on.
    """
    heard: list[tuple[str, str]] = []
    _explain_sqlite(monkeypatch, heard)
    _explain_postgresql(monkeypatch, heard)
    return heard


def _explain_sqlite(monkeypatch: pytest.MonkeyPatch, heard: list[tuple[str, str]]) -> None:
    def explain(connection: sqlite3.Connection, statement: str, values: Sequence[Any]) -> None:
        if _HAS_PLAN(statement):
            rows = sqlite3.Cursor(connection).execute(f"EXPLAIN QUERY PLAN {statement}", values)
            heard.append((statement, "\n".join(row[3] for row in rows)))

    class Cursor(sqlite3.Cursor):
        def execute(self, statement: str, values: Any = ()) -> Any:
            explain(self.connection, statement, values)
            return super().execute(statement, values)

        def executemany(self, statement: str, many: Any) -> Any:
            rows = list(many)
            explain(self.connection, statement, rows[0])
            return super().executemany(statement, rows)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, statement: str, values: Any = ()) -> Any:
            return self.cursor().execute(statement, values)

        def executemany(self, statement: str, many: Any) -> Any:
            return self.cursor().executemany(statement, many)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))


def _explain_postgresql(monkeypatch: pytest.MonkeyPatch, heard: list[tuple[str, str]]) -> None:
    execute, exchange = pipeline._Cursor.execute, pipeline.PipelinedConnection._exchange

    def explain_theirs(cursor: Any, statement: str, values: Any = None, **given: Any) -> Any:
        if _HAS_PLAN(statement) and "pg_" not in statement:
            rows = execute(cursor, f"EXPLAIN {statement}", values).fetchall()
            heard.append((statement, "\n".join(row[0] for row in rows)))
        return execute(cursor, statement, values, **given)

    def explain_ours(connection: Any, commands: Sequence[Command]) -> Any:
        for command in commands:
            statement = command.text.decode()
            if _HAS_PLAN(statement) and "pg_" not in statement:
                (result,) = exchange(connection, [command._replace(text=b"EXPLAIN " + command.text)])
                lines = [result.get_value(at, 0) or b"" for at in range(result.ntuples)]
                heard.append((statement, b"\n".join(lines).decode()))
        return exchange(connection, commands)

    monkeypatch.setattr(pipeline._Cursor, "execute", explain_theirs)
    monkeypatch.setattr(pipeline.PipelinedConnection, "_exchange", explain_ours)
