"""What is noted along the way: questions, accesses, quarantine, sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, update

from appealbus.core.journal import bulk, codec
from appealbus.core.journal.rows import AccessRow, LookupState, NewQuarantine, SourceState
from appealbus.core.journal.tables import access as access_table
from appealbus.core.journal.tables import lookup, source_state
from appealbus.core.journal.tables import quarantine as quarantine_table
from appealbus.schemas.base import printable


@dataclass(frozen=True, slots=True)
class Keep:
    """How a question of an appeal stands."""

    appeal_id: int
    state: LookupState


@dataclass(frozen=True, slots=True)
class Replayed:
    """A message that has left quarantine."""

    quarantine_id: int
    number: str
    at: datetime


def keep(connection: Connection, items: Sequence[Keep]) -> list[None]:
    """Write how questions stand, over what was there."""
    bulk.upsert(connection, lookup, [codec.state_to_row(item.appeal_id, item.state) for item in items])
    return [None] * len(items)


def access(connection: Connection, items: Sequence[Sequence[AccessRow]]) -> list[None]:
    """Add to the access log."""
    bulk.insert(connection, access_table, [codec.access_to_row(row) for rows in items for row in rows])
    return [None] * len(items)


def quarantine(connection: Connection, items: Sequence[NewQuarantine]) -> list[int]:
    """Put messages into quarantine; return their ids."""
    insert = quarantine_table.insert().returning(quarantine_table.c.id, sort_by_parameter_order=True)
    rows = [
        {
            "at": item.at,
            "channel": printable(item.channel),
            "position": printable(item.position),
            "reason": printable(item.reason),
            "media_type": printable(item.media_type),
            "raw": item.raw,
        }
        for item in items
    ]
    return list(connection.execute(insert, rows).scalars())


def replayed(connection: Connection, items: Sequence[Replayed]) -> list[bool]:
    """Note what has left quarantine."""
    table = quarantine_table
    return [
        connection.execute(
            update(table)
            .where(table.c.id == item.quarantine_id, table.c.replayed_at.is_(None))
            .values(replayed_at=item.at, number=item.number)
        ).rowcount
        > 0
        for item in items
    ]


def put_source_states(connection: Connection, items: Sequence[Sequence[SourceState]]) -> list[None]:
    """Write how sources stand; the newest of a source wins."""
    newest = {state.source: codec.source_to_json(state) for states in items for state in states}
    rows = [{"source": source, "worker": "", "document": document} for source, document in sorted(newest.items())]
    bulk.upsert(connection, source_state, rows)
    return [None] * len(items)
