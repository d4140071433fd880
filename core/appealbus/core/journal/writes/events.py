"""The log: what happens is written down in the transaction in which it happens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import orjson
from sqlalchemy import Connection

from appealbus.core import clocks
from appealbus.core.domain.event import Event
from appealbus.core.journal import bulk, encoding
from appealbus.core.journal.drivers import postgresql_driver
from appealbus.core.journal.tables import log_entry, to_number
from appealbus.schemas.base import printable

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


def noted(connection: Connection, items: Sequence[Event]) -> list[None]:
    """Write down what is done beside the journal."""
    note(connection, items)
    return [None] * len(items)


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Write all that is noted meanwhile in one go, at the end: many small inserts cost three times as much."""
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
