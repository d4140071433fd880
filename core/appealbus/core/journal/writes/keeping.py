"""What is noted along the way: questions, accesses, quarantine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.case import LookupState
from appealbus.core.journal import bulk, codec
from appealbus.core.journal.rows import NewQuarantine
from appealbus.core.journal.tables import access as access_table
from appealbus.core.journal.tables import appeal, counter, lookup
from appealbus.core.journal.tables import quarantine as quarantine_table
from appealbus.core.journal.writes import replies
from appealbus.core.journal.writes.replies import Kept
from appealbus.schemas.base import printable


@dataclass(frozen=True, slots=True)
class Keep:
    """How a question of an appeal stands."""

    appeal_id: int
    state: LookupState
    owner: str | None = None
    """Whose lease it must be, or else the state is dropped; None: whoever's."""
    kept: Kept | None = None
    """What came for it, where that is kept."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A message that has left quarantine."""

    quarantine_id: int
    number: str
    at: datetime


# Locked, so that nobody takes an appeal over between this look and the write. A claim passes over what is locked.
_OWNERS = (
    select(appeal.c.id, appeal.c.lease_owner)
    .where(appeal.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(appeal.c.id)
    .with_for_update(key_share=True)
)


def keep(connection: Connection, items: Sequence[Keep]) -> list[None]:
    """Write how questions stand, over what was there."""
    keep_own(connection, items)
    return [None] * len(items)


def keep_own(connection: Connection, items: Sequence[Keep]) -> list[bool]:
    """Do so, and return which items were written: those whose owner still has the appeal."""
    fenced = bulk.padded(list({item.appeal_id for item in items if item.owner is not None}))
    owners = {row.id: row.lease_owner for row in connection.execute(_OWNERS, {"ids": fenced})} if fenced else {}
    # Whoever has the appeal now asks by itself; what one finds who had it before must not overwrite that.
    own = [item.owner is None or item.owner == owners.get(item.appeal_id) for item in items]
    good = [item for item, is_own in zip(items, own, strict=True) if is_own]
    bulk.upsert(connection, lookup, [codec.state_to_row(item.appeal_id, item.state) for item in good])
    replies.keep(connection, [item.kept for item in good if item.kept is not None])
    return own


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
            "code": printable(item.code),
            "number": item.number,
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


def probe(connection: Connection, items: Sequence[str]) -> list[None]:
    """Write something under names that nobody else uses, and take it away: proves that writing works."""
    bulk.insert(connection, counter, [{"name": name, "value": 0} for name in items])
    connection.execute(delete(counter).where(counter.c.name.in_(items)))
    return [None] * len(items)
