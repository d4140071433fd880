"""Many rows at once: inserted, or changed."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from itertools import chain
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from appealbus.core.journal.drivers import encoding
from appealbus.core.journal.drivers.direct import POSTGRESQL, SQLITE, postgresql_driver, sqlite_driver
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.schemas.base import printable

Conflict: TypeAlias = Literal["fail", "keep", "overwrite"]
"""What becomes of a row whose primary key is there already."""

_CHUNK = 64
"""Rows of one statement: larger ones save little more. Below it are powers of two, so seven texts do for any number."""
_SIZES = [1 << power for power in range(_CHUNK.bit_length())]


def row_of(table: Table, item: Any, **more: Any) -> dict[str, Any]:
    """Return a row with what a dataclass has for the columns, texts as a database can hold them, and with `more`."""
    values = {name: getattr(item, name) for name in _in_common(table, item.__class__) if name not in more}
    return {name: printable(value) if type(value) is str else value for name, value in values.items()} | more


@cache
def _in_common(table: Table, kind: type) -> list[str]:
    names = {field.name for field in fields(kind)} - {"id"}  # that is the database's to give
    return [column.name for column in table.columns if column.name in names]


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; all have the same keys."""
    _insert(connection, table, rows, "fail")


def insert_values(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows into SQLite, values in the order of `names`, moments as numbers."""
    _write_values(connection, _prepared(table, names, "fail")[1], rows)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose primary key is not there yet; all have the same keys. A key twice: the first one stays."""
    _insert(connection, table, rows, "keep")


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have every column, over those with the same primary key. A key twice: the last one stays."""
    _insert(connection, table, rows, "overwrite")


def update(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change rows, each found by its `id`; all have the same keys."""
    if not rows:
        return
    names = tuple(name for name in rows[0] if name != "id")
    if connection.dialect.name == "sqlite":
        values = [_values(row, _columns(table, (*names, "id"))) for row in rows]
        sqlite_driver(connection).executemany(_changing_one(table, names), values)
    else:
        _send(connection, table, rows, _changing(table, tuple(rows[0])))


def take(connection: Connection, table: Table, row: Mapping[str, Any], where: ColumnElement[bool]) -> bool:
    """Insert a row, or overwrite the one with its key if a condition holds; return whether it was written."""
    statement: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    # What the condition keeps as it was is not returned.
    taken = _overwriting(statement, table, where).returning(*table.primary_key)
    return connection.execute(taken, row).first() is not None


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], conflict: Conflict) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _write(connection, table, rows, conflict)
        return
    if conflict != "fail":
        keys = [column.name for column in table.primary_key]
        which = rows if conflict == "overwrite" else reversed(rows)  # of a key twice, the last one or the first
        one = {tuple(row[key] for key in keys): row for row in which}
        # In one order for all workers: two that write the same rows wait for each other, and never in a circle.
        rows = [one[key] for key in sorted(one)]
    _send(connection, table, rows, _unnesting(table, tuple(rows[0]), conflict))


def _write(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], conflict: Conflict) -> None:
    """Insert up to 64 rows with each statement.

    SQLite's driver lets go of the interpreter lock at every statement and fights the event loop to get it back.
    Chunks of 64, 32, 16 … keep the number of different statements small.
    """
    order, texts = _prepared(table, tuple(rows[0]), conflict)
    _write_values(connection, texts, [_values(row, order) for row in rows])


def _values(row: Mapping[str, Any], order: Sequence[tuple[str, bool]]) -> list[Any]:
    return [to_number(row[name]) if is_moment else row[name] for name, is_moment in order]


@cache
def _columns(table: Table, names: tuple[str, ...]) -> list[tuple[str, bool]]:
    return [(name, isinstance(table.c[name].type, Moment)) for name in names]


def _write_values(connection: Connection, texts: Mapping[int, str], values: Sequence[Sequence[Any]]) -> None:
    driver = sqlite_driver(connection)
    at, size = 0, _CHUNK
    while at < len(values):
        while size > len(values) - at:
            size //= 2
        driver.execute(texts[size], tuple(chain.from_iterable(values[at : at + size])))
        at += size


@cache
def _prepared(
    table: Table, names: tuple[str, ...], conflict: Conflict
) -> tuple[list[tuple[str, bool]], dict[int, str]]:
    """Return the columns in order, with whether they are moments, and the statement for each size of chunk."""
    statement = _on_conflict(sqlite.insert(table), table, conflict)
    compiled = statement.compile(dialect=SQLITE, column_keys=names)
    order = _columns(table, tuple(compiled.positiontup or ()))
    one = f"({', '.join('?' for _ in order)})"
    head, tail = str(compiled).split(f"VALUES {one}")
    return order, {size: f"{head}VALUES {', '.join([one] * size)}{tail}" for size in _SIZES}


def _send(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], text: bytes) -> None:
    """Write all rows with one statement, a list for each column: PostgreSQL prepares it once for any number.

    It goes with the next question or the commit, and there an error of it comes.
    """
    lists = [encoding.array(table.c[name].type, [row[name] for row in rows]) for name in rows[0]]
    postgresql_driver(connection).queue(encoding.command(text, lists))


@cache
def _unnesting(table: Table, names: tuple[str, ...], conflict: Conflict) -> bytes:
    statement = _on_conflict(
        postgresql.insert(table).from_select(names, select(literal_column("lists"))), table, conflict
    )
    head, tail = str(statement.compile(dialect=POSTGRESQL)).split("SELECT lists")
    return f"{head}SELECT * FROM {_lists(table, names)}{tail}".encode()  # noqa: S608 - names of our own tables


@cache
def _changing_one(table: Table, names: tuple[str, ...]) -> str:
    return f"UPDATE {table.name} SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?"  # noqa: S608 - names of our own tables


@cache
def _changing(table: Table, names: tuple[str, ...]) -> bytes:
    values = ", ".join(f"{name} = new.{name}" for name in names if name != "id")
    new = f"{_lists(table, names)} AS new({', '.join(names)})"
    return f"UPDATE {table.name} SET {values} FROM {new} WHERE {table.name}.id = new.id".encode()  # noqa: S608 - names of our own tables


def _lists(table: Table, names: Sequence[str]) -> str:
    kinds = (table.c[name].type.compile(dialect=POSTGRESQL) for name in names)
    return f"unnest({', '.join(f'${at}::{kind}[]' for at, kind in enumerate(kinds, 1))})"


def _on_conflict(statement: Any, table: Table, conflict: Conflict) -> Any:
    if conflict == "overwrite":
        return _overwriting(statement, table)
    return statement.on_conflict_do_nothing() if conflict == "keep" else statement


def _overwriting(statement: Any, table: Table, where: ColumnElement[bool] | None = None) -> Any:
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest, where=where)
