"""Inserts of many rows at once."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from appealbus.core.journal.tables import Moment, to_number

_CHUNK = 64
_SIZES = [1 << power for power in range(_CHUNK.bit_length())]


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; all have the same keys."""
    if connection.dialect.name == "sqlite":
        _write(connection, table, rows, overwrite=False)
    elif rows:
        connection.execute(table.insert(), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have every column, over those with the same primary key. A key twice: the last one stays."""
    if connection.dialect.name == "sqlite":
        _write(connection, table, rows, overwrite=True)
    elif rows:
        connection.execute(_overwriting(postgresql.insert(table), table), rows)


def _write(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, overwrite: bool) -> None:
    """Insert up to 64 rows with each statement.

    SQLite's driver lets go of the interpreter lock at every statement and fights the event loop to get it back.
    Chunks of 64, 32, 16 … keep the number of different statements small.
    """
    if not rows:
        return
    order, texts = _prepared(table, tuple(rows[0]), overwrite=overwrite)
    values = [[to_number(row[name]) if is_moment else row[name] for name, is_moment in order] for row in rows]
    at, size = 0, _CHUNK
    while at < len(values):
        while size > len(values) - at:
            size //= 2
        connection.exec_driver_sql(texts[size], tuple(chain.from_iterable(values[at : at + size])))
        at += size


@cache
def _prepared(
    table: Table, names: tuple[str, ...], *, overwrite: bool
) -> tuple[list[tuple[str, bool]], dict[int, str]]:
    """Return the columns in order, with whether they are moments, and the statement for each size of chunk."""
    statement = sqlite.insert(table)
    if overwrite:
        statement = _overwriting(statement, table)
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=names)
    order = [(name, isinstance(table.c[name].type, Moment)) for name in compiled.positiontup or ()]
    one = f"({', '.join('?' for _ in order)})"
    head, tail = str(compiled).split(f"VALUES {one}")
    return order, {size: f"{head}VALUES {', '.join([one] * size)}{tail}" for size in _SIZES}


def _overwriting(statement: Any, table: Table) -> Any:
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)
