"""Hot statements go straight through the driver: what they return, and when."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, select, update

from appealbus.core.journal.drivers import bulk, direct
from tests.core.journal.drivers.conftest import item

AT = datetime(2026, 11, 24, 10, 0, 0, 7, tzinfo=UTC)
_NAMED = select(item.c.id, item.c.name, item.c.body, item.c.at).where(direct.among(item.c.name, "names"))
_NAMED = _NAMED.order_by(item.c.id)
_COUNT = select(item.c.count).where(item.c.id == bindparam("of"))
_MORE = update(item).where(item.c.id == bindparam("of")).values(count=item.c.count + bindparam("more"))
_SINCE = select(item.c.id).where(item.c.at >= bindparam("since"))


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": f"м{number}", "body": b"\0" * number, "at": AT, **more}


@pytest.mark.parametrize("count", [0, 1, 3, 70])
def test_a_list_has_any_length(connection: Connection, count: int) -> None:
    """Rows come with moments, bytes and what is missing, whatever the database; none for an empty list."""
    bulk.insert(connection, item, [row(number, at=AT if number % 2 else None) for number in range(count + 1)])
    (rows,) = direct.ask(connection, (_NAMED, {"names": [f"м{number}" for number in range(count)]}))
    assert [(row.id, row.body) for row in rows] == [(number, b"\0" * number) for number in range(count)]
    assert [row.at for row in rows] == [AT if number % 2 else None for number in range(count)]


def test_moments_and_constants_are_values_too(connection: Connection) -> None:
    """A moment is compared as a number; a constant of the statement need not be given."""
    bulk.insert(connection, item, [row(1), row(2, at=AT.replace(year=2027))])
    later = select(item.c.id).where(item.c.at > bindparam("since"), item.c.id < 100)
    at_least, more = direct.ask(connection, (_SINCE, {"since": AT}), (later, {"since": AT}))
    assert sorted(row.id for row in at_least) == [1, 2]
    assert [row.id for row in more] == [2]


def test_several_questions_are_answered_each(connection: Connection) -> None:
    """In the order in which they were put; one about an empty list has no rows, wherever it stands."""
    bulk.insert(connection, item, [row(1), row(2)])
    questions = [(_NAMED, {"names": names}) for names in (["м2"], [], ["м1", "м2"])]
    answers = direct.ask(connection, *questions)
    assert [[row.id for row in rows] for rows in answers] == [[2], [], [1, 2]]
    assert direct.ask(connection) == []


def test_what_is_run_is_there_for_whoever_asks_next(connection: Connection) -> None:
    """For a question beside it, and for SQLAlchemy's statements on the same connection."""
    bulk.insert(connection, item, [row(1)])
    direct.run(connection, _MORE, {"of": 1, "more": 2})
    ((first,),) = direct.ask(connection, (_COUNT, {"of": 1}))
    direct.run(connection, _MORE, {"of": 1, "more": 3})
    assert (first.count, connection.scalar(_COUNT, {"of": 1})) == (2, 5)


def test_what_is_rolled_back_was_never_run(connection: Connection) -> None:
    """Neither what was sent, nor what waited to be."""
    with connection.begin():
        bulk.insert(connection, item, [row(1)])
    transaction = connection.begin()
    direct.run(connection, _MORE, {"of": 1, "more": 2})
    direct.ask(connection, (_COUNT, {"of": 1}))
    direct.run(connection, _MORE, {"of": 1, "more": 3})
    transaction.rollback()
    assert connection.scalar(_COUNT, {"of": 1}) == 0


def test_lists_are_padded_to_few_lengths() -> None:
    """Up to the next power of two, with a value that is there already."""
    assert [len(direct.padded(range(count))) for count in (0, 1, 2, 3, 5, 64, 65)] == [0, 1, 2, 4, 8, 64, 128]
    assert direct.padded("abc") == ["a", "b", "c", "a"]
