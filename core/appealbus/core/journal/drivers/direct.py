"""The hot statements, compiled once for each database and sent straight through its driver.

SQLAlchemy makes a small statement several times as dear as the database does. On PostgreSQL what is `run` waits until
something is asked or the transaction ends, and all that is asked together costs one wait.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from sqlalchemy import ARRAY, ColumnElement, Connection, Dialect, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

from appealbus.core.journal.drivers import encoding
from appealbus.core.journal.drivers.encoding import Moment, to_moment, to_number

if TYPE_CHECKING:
    import sqlite3

    from appealbus.core.journal.drivers.pipeline import PipelinedConnection

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Statement: TypeAlias = Any
"""A statement of SQLAlchemy that is made once, when its module is loaded: what it is compiled to is kept for good."""
Params: TypeAlias = Mapping[str, Any]
Bound: TypeAlias = tuple[Statement, Params]

POSTGRESQL: Dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
SQLITE: Dialect = sqlite.dialect()
"""What texts for the drivers are compiled by."""
CHANNEL = "appealbus"
_NOTIFY = encoding.Command(f"NOTIFY {CHANNEL}".encode())


def sqlite_driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def postgresql_driver(connection: Connection) -> PipelinedConnection:
    return cast("PipelinedConnection", connection.connection.dbapi_connection)


class _Among(ColumnElement[bool]):
    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column, self.values = column, bindparam(name, type_=ARRAY(column.type))


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return whether a column has one of the values of a parameter: one statement for any number of them."""
    return _Among(column, name)


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: Any, **given: Any) -> str:
    return f"{compiler.process(element.column, **given)} = ANY ({compiler.process(element.values, **given)})"


@compiles(_Among, "sqlite")
def _in(element: _Among, compiler: Any, **given: Any) -> str:
    return f"{compiler.process(element.column, **given)} IN ({compiler.process(element.values, **given)})"


def notify(connection: Connection) -> None:
    """Tell all workers, once the transaction is committed, that there is something to deliver; on SQLite there is one.

    It can be lost with the connection of whoever listens.
    """
    if connection.dialect.name == "postgresql":
        postgresql_driver(connection).queue(_NOTIFY)


def single(question: F) -> F:
    """Mark a question of one statement: on PostgreSQL a transaction costs as much as two small questions."""
    question.single = True  # type: ignore[attr-defined]
    return question


def run(connection: Connection, statement: Statement, params: Params) -> None:
    """Execute a statement without a result; on PostgreSQL its error comes at the next `ask` or the commit."""
    if connection.dialect.name == "sqlite":
        sqlite_driver(connection).execute(*_for_sqlite(statement).bound(params))
    else:
        postgresql_driver(connection).queue(_for_postgresql(statement).bound(params))


def ask(connection: Connection, *bound: Bound) -> list[list[Any]]:
    """Put questions, each with its parameters; return the rows of each, which have their columns as attributes.

    On PostgreSQL all go out together, after what is still to be done, and cost one wait. One about an empty list is
    not put.
    """
    asked = [(at, statement, params) for at, (statement, params) in enumerate(bound) if [] not in params.values()]
    answers: list[list[Any]] = [[] for _ in bound]
    if connection.dialect.name == "sqlite":
        lite = sqlite_driver(connection)
        for at, statement, params in asked:
            compiled = _for_sqlite(statement)
            answers[at] = compiled.rows(lite.execute(*compiled.bound(params)))
    elif asked:
        commands = [_for_postgresql(statement).bound(params) for _, statement, params in asked]
        results = postgresql_driver(connection).ask(*commands)
        for (at, statement, _), rows in zip(asked, results, strict=True):
            answers[at] = _for_postgresql(statement).rows(rows)
    return answers


class _Compiled:
    """A statement for one database, with the order of its parameters and the shape of its rows."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._given = compiled.params
        self._order: Sequence[str] = compiled.positiontup
        self._kinds = [getattr(compiled.binds[name].type, "item_type", None) for name in self._order]
        """Of each parameter that is a list the type of its values."""
        columns = list(statement.exported_columns)
        self._row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        self._moments = [at for at, column in enumerate(columns) if isinstance(column.type, Moment)]

    def _values(self, params: Params) -> list[Any]:
        return [params[name] if name in params else self._given[name] for name in self._order]

    def rows(self, raw: Iterable[Sequence[Any]]) -> list[Any]:
        if not self._moments:
            return [self._row(*values) for values in raw]
        rows = []
        for values in map(list, raw):
            for at in self._moments:
                values[at] = to_moment(values[at])
            rows.append(self._row._make(values))
        return rows


def padded(values: Sequence[T]) -> Sequence[T]:
    """Repeat the first value up to a power of two, so that few lengths of `IN (…)` are prepared."""
    size = 1 << (len(values) - 1).bit_length() if values else 0
    return [*values, *([values[0]] * (size - len(values)))] if values else values


class _ForSqlite(_Compiled):
    def __init__(self, statement: Statement) -> None:
        super().__init__(statement, SQLITE)
        self._pieces = self._text.split("?")

    def bound(self, params: Params) -> tuple[str, list[Any]]:
        bound = [to_number(value) if isinstance(value, datetime) else value for value in self._values(params)]
        if not any(isinstance(value, list) for value in bound):
            return self._text, bound
        lists = [padded(value) if isinstance(value, list) else [value] for value in bound]
        marks = [*(", ".join("?" * len(values)) for values in lists), ""]
        text = "".join(chain.from_iterable(zip(self._pieces, marks, strict=True)))
        return text, list(chain.from_iterable(lists))


class _ForPostgresql(_Compiled):
    def __init__(self, statement: Statement) -> None:
        super().__init__(statement, POSTGRESQL)
        self._raw = self._text.encode()

    def bound(self, params: Params) -> encoding.Command:
        pairs = zip(self._kinds, self._values(params), strict=True)
        values = [encoding.one(value) if kind is None else encoding.array(kind, value) for kind, value in pairs]
        return encoding.command(self._raw, values)


_for_sqlite = cache(_ForSqlite)
_for_postgresql = cache(_ForPostgresql)
