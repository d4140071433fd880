"""The log: everything that happened, noted in the transaction in which it happens, in one order.

On PostgreSQL a transaction that began earlier may commit later, so numbers of a sequence appear out of order, and those
of transactions that were rolled back never. A reader of such numbers misses what commits behind it. So positions are
given after the commit, by one process at a time: whoever holds the counter's row moves what it sees over to the log,
and what it does not see yet gets a later position. Thus there are no gaps. On SQLite one transaction writes at a time,
and positions are given as events are noted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Table,
    Text,
    and_,
    func,
    literal_column,
    text,
)

from appealbus.core import clocks
from appealbus.core.domain.event import Event, EventType
from appealbus.core.journal.drivers import bulk, encoding
from appealbus.core.journal.drivers.direct import postgresql_driver
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.core.journal.tables import Id, metadata, partial_index
from appealbus.core.journal.writes import ACTOR, Write
from appealbus.core.process.failpoints import failpoint
from appealbus.schemas.base import printable


def _entry() -> list[Column[object]]:
    return [
        Column("at", Moment, nullable=False),
        Column("what", Text, nullable=False),
        Column("appeal_id", Id),
        Column("actor", Text, nullable=False),
        Column("about", Text, nullable=False),
        Column("detail", LargeBinary),
    ]


log_entry = Table("log_entry", metadata, Column("position", Id, primary_key=True), *_entry(), sqlite_autoincrement=True)
"""The log: everything that happened, in one order. Nothing is ever changed here; only whole beginnings are pruned.

An entry outlives its appeal. On SQLite one transaction writes at a time, so the database gives positions itself.
"""
_of_appeal = log_entry.c.appeal_id.is_not(None)
partial_index("ix_log_entry_appeal", log_entry.c.appeal_id, log_entry.c.position, where=_of_appeal)

LOOK = log_entry.c.what == literal_column("'read'", Text)
"""Somebody looked at what is personal. Spelt out, as all that an index is limited by: else SQLite does not take it."""
OF_PERSON = func.substr(log_entry.c.actor, literal_column("1"), literal_column("7")) == literal_column(
    "'person:'", Text
)
"""A person did it."""
for _name, _which in (("look", LOOK), ("deed", and_(OF_PERSON, ~LOOK))):
    for _columns in (("position",), ("actor", "position")):
        partial_index(
            f"ix_log_entry_{_name}{'_by' if len(_columns) > 1 else ''}",
            *(log_entry.c[name] for name in _columns),
            where=_which,
        )

log_unplaced = Table("log_unplaced", metadata, Column("id", Id, primary_key=True), *_entry(), sqlite_autoincrement=True)
"""Entries of the log that have no position yet, on PostgreSQL: one worker moves those that are committed over."""

epoch = Table(
    "epoch",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("after", BigInteger, nullable=False),
)
"""After which position of the log each epoch begins."""


_COLUMNS = ("what", "appeal_id", "actor", "about", "detail")
_NOTED = "appealbus.noted"
_SEPARATOR = "\x1f"
"""In nothing that is noted: texts have no control characters, and in JSON they are escaped."""
# Each column as one text, which the database takes apart: the driver needs three times as long for a list of texts.
_INSERT = (
    b"INSERT INTO log_unplaced (what, appeal_id, actor, about, detail)"
    b" SELECT what, appeal_id, actor, coalesce(about, ''), convert_to(detail, 'UTF8') FROM unnest("
    b"string_to_array($1, chr(31)), string_to_array($2, chr(31), '')::bigint[], string_to_array($3, chr(31)),"
    b" string_to_array($4, chr(31)), string_to_array($5, chr(31), '')) AS e(what, appeal_id, actor, about, detail)"
)


def note(connection: Connection, events: Sequence[Event]) -> None:
    """Write events down, in their order: at once, or at the end of `together`."""
    noted = connection.info.get(_NOTED)
    if noted is None:
        _write(connection, events)
    else:
        noted.extend(events)


@dataclass(frozen=True, slots=True)
class Noted(Write[None]):
    """An event about something outside of the journal."""

    what: EventType
    about: str
    detail: Mapping[str, Any]
    by: str = ACTOR


@Noted.batch
def noted(connection: Connection, items: Sequence[Noted]) -> list[None]:
    note(connection, [Event(item.what, None, item.by, item.about, item.detail) for item in items])
    return [None] * len(items)


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Collect what is noted and write it at the end: many small inserts cost three times as much."""
    noted: list[Event] = []
    info = connection.info  # once: where the connection is lost meanwhile, it cannot be asked for any more
    info[_NOTED] = noted
    try:
        yield
    finally:
        info.pop(_NOTED, None)
    _write(connection, noted)


def _write(connection: Connection, events: Sequence[Event]) -> None:
    """Write events.

    On SQLite they get their positions at once, as one transaction writes at a time; on PostgreSQL the database gives
    the time, and the sequencer gives positions once the transaction is committed.
    """
    if not events:
        return
    if connection.dialect.name == "sqlite":
        now = to_number(clocks.wall())
        rows = [(now, what, appeal_id, *rest) for what, appeal_id, *rest in map(_row, events)]
        bulk.insert_values(connection, log_entry, ("at", *_COLUMNS), rows)
    else:
        columns = [encoding.one(_joined(column)) for column in zip(*map(_row, events), strict=True)]
        postgresql_driver(connection).queue(encoding.command(_INSERT, columns))


def _row(event: Event) -> tuple[str, int | None, str, str, bytes | None]:
    detail = orjson.dumps(event.detail) if event.detail else None
    return event.what.value, event.appeal_id, printable(event.actor), printable(event.about), detail


def _joined(column: Sequence[str | int | bytes | None]) -> str:
    return _SEPARATOR.join("" if x is None else x.decode() if isinstance(x, bytes) else str(x) for x in column)


COUNTER = "log"
"""The counter that holds the last position given."""

# Without a lock: a look that finds nothing writes nothing, as a locked row does.
_ANY = text("SELECT 1 FROM log_unplaced LIMIT 1")
_HEAD = text("SELECT value FROM counter WHERE name = 'log' FOR UPDATE")
_FIRST = text("INSERT INTO counter (name, value) VALUES ('log', 0) ON CONFLICT DO NOTHING")
# A statement of its own, after the lock: it sees all that was committed before the lock was had. An array goes by the
# index, also where millions wait and the database has not counted them yet.
_MOVE = text(
    "WITH gone AS (DELETE FROM log_unplaced"
    " WHERE id = ANY(ARRAY(SELECT id FROM log_unplaced ORDER BY id LIMIT :most)) RETURNING *)"
    " INSERT INTO log_entry (position, at, what, appeal_id, actor, about, detail)"
    " SELECT :head + row_number() OVER (ORDER BY id), at, what, appeal_id, actor, about, detail FROM gone"
)
_GIVEN = text("UPDATE counter SET value = value + :count WHERE name = 'log'")
PLACED = 2000
"""Entries of the log that get their positions in one transaction: that takes some 20 ms, and readers wait as long."""
LAST = text("SELECT seq FROM sqlite_sequence WHERE name = 'log_entry'")
"""Asks SQLite for the last position that it ever gave, pruned or not."""


@dataclass(frozen=True, slots=True)
class Placing(Write[int]):
    """Committed entries that get positions, at most so many; it returns how many. Several may do it at once."""

    lane = "positions"
    most: int = PLACED


@Placing.batch
def place(connection: Connection, items: Sequence[Placing]) -> list[int]:
    return [_place(connection, item.most) for item in items]


def _place(connection: Connection, most: int) -> int:
    if connection.dialect.name == "sqlite" or connection.scalar(_ANY) is None:
        return 0
    head = locked_head(connection)
    count = connection.execute(_MOVE, {"most": most, "head": head}).rowcount
    failpoint("log.moved")
    connection.execute(_GIVEN, {"count": count})
    return count


def locked_head(connection: Connection) -> int:
    """Return the last position ever given; until the transaction ends nobody gives another."""
    if connection.dialect.name == "sqlite":
        return connection.scalar(LAST) or 0
    head: int | None = connection.scalar(_HEAD)
    if head is None:  # a row that is not there cannot be locked
        connection.execute(_FIRST)
        head = connection.execute(_HEAD).scalar_one()
    return head
