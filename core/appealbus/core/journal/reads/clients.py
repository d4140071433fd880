"""Clients and what they show of themselves."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, select

from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.journal.tables import client, client_credential, client_use

_CREDENTIAL = select(
    client,
    client_credential.c.digest,
    client_credential.c.created_at.label("its_created_at"),
    client_credential.c.expires_at,
    client_credential.c.revoked_at.label("its_revoked_at"),
).join(client_credential, client_credential.c.client == client.c.name)

_OLDEST_FIRST = select(client_credential).order_by(client_credential.c.created_at, client_credential.c.id)


def all_clients(connection: Connection) -> list[tuple[Client, list[Credential]]]:
    """Return all clients that ever were, by name, each with its credentials, the oldest first."""
    theirs: defaultdict[str, list[Credential]] = defaultdict(list)
    for row in connection.execute(_OLDEST_FIRST):
        theirs[row.client].append(_credential(row))
    rows = connection.execute(select(client).order_by(client.c.name))
    return [(_client(row), theirs[row.name]) for row in rows]


def credentials_of(connection: Connection, name: str) -> list[Credential]:
    """Return what a client shows of itself, that which counts no more too, the oldest first."""
    rows = connection.execute(_OLDEST_FIRST.where(client_credential.c.client == name))
    return [_credential(row) for row in rows]


def credential(connection: Connection, kind: str, id_: str) -> tuple[Client, Credential, bytes] | None:
    """Return whose a credential is, and its SHA-256; None where nobody has had one with this id.

    It may have ended, or been revoked: whoever asks compares that with the clock.
    """
    mine = client_credential.c.kind == kind, client_credential.c.id == id_
    row = connection.execute(_CREDENTIAL.where(*mine)).first()
    if row is None:
        return None
    return _client(row), Credential(id_, kind, row.its_created_at, row.expires_at, row.its_revoked_at), row.digest


def counting(connection: Connection, keys: Collection[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
    """Return which of these credentials, each by its kind and id, have neither ended nor been revoked."""
    theirs = client_credential.c
    query = select(theirs.kind, theirs.id, theirs.expires_at).join(client)
    # By both, which is the primary key: a few of the many sessions that ever were.
    query = query.where(theirs.kind.in_({kind for kind, _ in keys}), theirs.id.in_({id_ for _, id_ in keys}))
    rows = connection.execute(query.where(theirs.revoked_at.is_(None), client.c.revoked_at.is_(None)))
    return {(row.kind, row.id) for row in rows if row.expires_at > now}


def last_uses(connection: Connection) -> dict[str, datetime]:
    """Return in which minute each client has come last, as far as it has."""
    query = select(client_use.c.client, func.max(client_use.c.minute).label("minute")).group_by(client_use.c.client)
    return {row.client: datetime.fromtimestamp(row.minute * 60, UTC) for row in connection.execute(query)}


def _credential(row: Row[Any]) -> Credential:
    return Credential(row.id, row.kind, row.created_at, row.expires_at, row.revoked_at)


def _client(row: Row[Any]) -> Client:
    return Client(
        name=row.name,
        role=Role(row.role),
        channel=row.channel,
        places=tuple(orjson.loads(row.places)),
        kinds=tuple(orjson.loads(row.kinds)),
        per_minute=row.per_minute,
        created_at=row.created_at,
        created_by=row.created_by,
        revoked_at=row.revoked_at,
    )
