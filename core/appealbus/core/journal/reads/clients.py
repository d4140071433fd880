"""Clients and what they show of themselves."""

from collections import defaultdict
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.journal.tables import client, client_credential

_CREDENTIAL = select(
    client,
    client_credential.c.digest,
    client_credential.c.created_at.label("its_created_at"),
    client_credential.c.expires_at,
    client_credential.c.revoked_at.label("its_revoked_at"),
).join(client_credential, client_credential.c.client == client.c.name)


def all_clients(connection: Connection) -> list[tuple[Client, list[Credential]]]:
    """Return all clients, each with its credentials."""
    theirs: defaultdict[str, list[Credential]] = defaultdict(list)
    order = client_credential.c.created_at, client_credential.c.id
    for row in connection.execute(select(client_credential).order_by(*order)):
        one = Credential(row.id, row.kind, row.created_at, row.expires_at, row.revoked_at)
        theirs[row.client].append(one)
    rows = connection.execute(select(client).order_by(client.c.name))
    return [(_client(row), theirs[row.name]) for row in rows]


def credential(connection: Connection, kind: str, id_: str) -> tuple[Client, Credential, bytes] | None:
    """Return whose a credential is, and its digest."""
    mine = client_credential.c.kind == kind, client_credential.c.id == id_
    row = connection.execute(_CREDENTIAL.where(*mine)).first()
    if row is None:
        return None
    return _client(row), Credential(id_, kind, row.its_created_at, row.expires_at, row.its_revoked_at), row.digest


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
