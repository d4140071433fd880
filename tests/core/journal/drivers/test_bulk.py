"""Many rows with one statement: inserted, kept, overwritten, changed."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import to_number
from tests.core.journal.drivers.conftest import item

AT = datetime(2026, 11, 24, 10, 0, 0, 7, tzinfo=UTC)


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": f"n{number}", "body": None, "at": AT, "count": number, **more}


def rows(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(item).order_by(item.c.id)).mappings()]


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 200])
def test_any_number_is_inserted(connection: Connection, count: int) -> None:
    """Each once, as it is."""
    many = [row(number) for number in range(count)]
    bulk.insert(connection, item, many)
    assert rows(connection) == many


def test_bytes_of_any_kind_go_in_and_come_out(connection: Connection) -> None:
    """Zeros, quotes and separators, and a list in which something is missing."""
    every = bytes(range(256)) * 2
    some = [row(1, name='қ "{,}\\', body=every), row(2, name="\x1f", at=None), row(3, name="", body=b"")]
    bulk.insert(connection, item, some)
    assert rows(connection) == some


def test_a_key_that_is_there_stays_or_is_overwritten(connection: Connection) -> None:
    """Of a key twice among the new ones, the first stays where the old does, and else the last."""
    bulk.insert(connection, item, [row(1)])
    bulk.insert_new(connection, item, [row(1, count=7), row(2, count=8), row(2, count=9)])
    assert [old["count"] for old in rows(connection)] == [1, 8]
    bulk.upsert(connection, item, [row(2, count=5), row(1, count=4), row(2, count=6)])
    assert [old["count"] for old in rows(connection)] == [4, 6]
    connection.commit()
    with pytest.raises((sqlite3.IntegrityError, IntegrityError)), connection.begin():
        bulk.insert(connection, item, [row(1)])


def test_rows_are_changed_by_their_ids(connection: Connection) -> None:
    """Only in the columns that are given."""
    bulk.insert(connection, item, [row(1), row(2), row(3)])
    bulk.update(connection, item, [{"id": 3, "body": b"c", "at": None}, {"id": 1, "body": None, "at": AT}])
    bulk.update(connection, item, [])
    assert rows(connection) == [row(1), row(2), row(3, body=b"c", at=None)]


def test_one_is_taken_where_a_condition_holds(connection: Connection) -> None:
    """A new one always; one that is there only if it is as the condition says."""
    assert bulk.take(connection, item, row(1), item.c.count < 0)
    assert not bulk.take(connection, item, row(1, count=9), item.c.count > 1)
    assert bulk.take(connection, item, row(1, count=9), item.c.count == 1)
    assert rows(connection) == [row(1, count=9)]


@pytest.mark.parametrize("connection", ["sqlite"], indirect=True)
def test_values_go_in_without_names(connection: Connection) -> None:
    """In the order of the names, moments as numbers."""
    bulk.insert_values(connection, item, ("id", "name", "at"), [(1, "n1", to_number(AT)), (2, "n2", None)])
    assert rows(connection) == [row(1, count=0), row(2, at=None, count=0)]
