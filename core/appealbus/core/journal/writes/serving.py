"""What servers of the HTTP API share: how many requests a client has made, and up to where it has read the feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, update

from appealbus.core.domain.event import Cursor
from appealbus.core.journal import bulk
from appealbus.core.journal.tables import client, client_use, feed_reader

_KEPT = 5
"""Minutes that stay: a server whose clock is behind by less finds its own minute as it was."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Requests that a server would like to let pass for a client."""

    client: str
    minute: int
    wanted: int
    limit: int


@dataclass(frozen=True, slots=True)
class Read:
    """What a client has read of the feed."""

    client: str
    cursor: Cursor
    at: datetime


def take(connection: Connection, items: Sequence[Wish]) -> list[int]:
    """Grant requests, in their order, as long as there are any left in their minute; return how many to each."""
    order = sorted({(item.client, item.minute) for item in items})  # whoever locks the same rows waits in no circle
    before = {key: _locked(connection, *key) for key in order}
    used = dict(before)
    granted = []
    for item in items:
        key = item.client, item.minute
        most = max(0, min(item.wanted, item.limit - used[key]))
        used[key] += most
        granted.append(most)
    for key in order:
        if used[key] != before[key]:
            where = client_use.c.client == key[0], client_use.c.minute == key[1]
            connection.execute(update(client_use).where(*where).values(used=used[key]))
    return granted


def _locked(connection: Connection, name: str, minute: int) -> int:
    """Return how many are used in a minute, and let nobody else count until the transaction ends."""
    query = select(client_use.c.used).where(client_use.c.client == name, client_use.c.minute == minute)
    used = connection.scalar(query.with_for_update())
    if used is None:
        old = select(client_use.c.minute).where(client_use.c.client == name, client_use.c.minute < minute - _KEPT)
        gone = client_use.c.minute.in_(old.with_for_update(skip_locked=True))
        connection.execute(delete(client_use).where(client_use.c.client == name, gone))
        bulk.insert_new(connection, client_use, [{"client": name, "minute": minute, "used": 0}])
        used = connection.scalar(query.with_for_update())
    return used or 0


def note_read(connection: Connection, items: Sequence[Read]) -> list[None]:
    """Note up to where clients have read; of an epoch the furthest counts, and of several the newest epoch."""
    for item in sorted(items, key=lambda item: item.client):
        mine = client.c.name == item.client, client.c.revoked_at.is_(None)
        # Locked, so that nobody who is revoked in this moment is waited for ever after.
        if connection.scalar(select(client.c.name).where(*mine).with_for_update(read=True)) is None:
            continue
        now = {"client": item.client, "epoch": item.cursor.epoch, "position": item.cursor.position, "at": item.at}
        further = or_(
            feed_reader.c.epoch < item.cursor.epoch,
            (feed_reader.c.epoch == item.cursor.epoch) & (feed_reader.c.position <= item.cursor.position),
        )
        bulk.take(connection, feed_reader, now, further)
    return [None] * len(items)
