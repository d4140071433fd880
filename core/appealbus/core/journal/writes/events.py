"""The log: what happens is written down in the transaction in which it happens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import orjson
from sqlalchemy import Connection

from appealbus.core import clocks
from appealbus.core.domain.event import Event
from appealbus.core.journal import bulk
from appealbus.core.journal.tables import log_entry, log_unplaced, to_number
from appealbus.schemas.base import printable

_COLUMNS = ("what", "appeal_id", "actor", "about", "detail")
_NOTED = "appealbus.noted"


def note(connection: Connection, events: Sequence[Event]) -> None:
    """Write events down, in their order: at once, or at the end of `together`."""
    noted = connection.info.get(_NOTED)
    if noted is None:
        _write(connection, events)
    else:
        noted.extend(events)


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
    rows = [
        (
            event.what.value,
            event.appeal_id,
            printable(event.actor),
            printable(event.about),
            orjson.dumps(event.detail) if event.detail else None,
        )
        for event in events
    ]
    if connection.dialect.name == "sqlite":
        now = to_number(clocks.wall())
        bulk.insert_values(connection, log_entry, ("at", *_COLUMNS), [(now, *row) for row in rows])
    else:
        bulk.insert_values(connection, log_unplaced, _COLUMNS, rows)
