"""The log: what happens is written down in the transaction in which it happens."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from appealbus.core import clocks
from appealbus.core.domain.event import Event
from appealbus.core.journal import bulk
from appealbus.core.journal.tables import log_entry, log_unplaced
from appealbus.schemas.base import printable


def note(connection: Connection, events: Sequence[Event]) -> None:
    """Write events down, in their order.

    On SQLite they get their positions at once, as one transaction writes at a time; on PostgreSQL the database gives
    the time, and the sequencer gives positions once the transaction is committed.
    """
    rows = [_row(event) for event in events]
    if connection.dialect.name == "sqlite":
        now = clocks.wall()
        bulk.insert(connection, log_entry, [{**row, "at": now} for row in rows])
    else:
        bulk.insert(connection, log_unplaced, rows)


def _row(event: Event) -> dict[str, Any]:
    return {
        "what": event.what.value,
        "appeal_id": event.appeal_id,
        "actor": printable(event.actor),
        "about": printable(event.about),
        "detail": orjson.dumps(event.detail) if event.detail else None,
    }
