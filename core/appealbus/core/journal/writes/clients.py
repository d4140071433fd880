"""Clients come, show something else of themselves, and go; each of it is an entry of the log, without secrets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from appealbus.core.domain.client import OF_PEOPLE, Client, Credential
from appealbus.core.domain.event import Event, What
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.tables import client, client_credential, client_use, feed_reader, to_number
from appealbus.core.journal.writes.one_by_one import one_by_one

_REMEMBERED = timedelta(days=1)
"""How long a link or a session that is over is still known, so that its id is no other one's."""
_COLUMNS = [column.name for column in client.columns]


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client with its first credential."""

    client: Client
    credential: Credential | None
    digest: bytes
    by: str


@dataclass(frozen=True, slots=True)
class NewCredential:
    """One more credential of a client; `old_until`: when its others end, if they have not before. None: they stay."""

    name: str
    credential: Credential
    digest: bytes
    old_until: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Revoking:
    """A client, or one of its credentials, counts no more."""

    name: str
    id: str | None
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Renewing:
    """A credential counts until later."""

    name: str
    id: str
    until: datetime


@one_by_one
def add(connection: Connection, item: NewClient) -> JournalError | None:
    """Write clients down; a name, or a credential, that anybody has had is refused."""
    new = item.client
    if _one(connection, new.name) is not None:
        return JournalError(f"there is a client {new.name} already, or there was one", "client.known")
    if item.credential is not None and (refused := _taken(connection, item.credential)) is not None:
        return refused
    row = {name: getattr(new, name) for name in _COLUMNS}
    row |= {name: orjson.dumps(getattr(new, name)).decode() for name in ("places", "kinds")}
    connection.execute(client.insert(), {**row, "role": new.role.value})
    detail: dict[str, Any] = {"role": new.role.value}
    if item.credential is not None:
        _insert(connection, new.name, item.credential, item.digest)
        detail |= _told(item.credential)
    detail |= {name: getattr(new, name) for name in ("channel", "places", "kinds", "per_minute") if getattr(new, name)}
    events.note(connection, [Event(What.CLIENT_ADDED, None, item.by, new.name, detail)])
    return None


@one_by_one
def add_credential(connection: Connection, item: NewCredential) -> JournalError | None:
    """Give clients further credentials, and let the earlier ones end."""
    if (refused := _gone(connection, item.name) or _taken(connection, item.credential)) is not None:
        return refused
    detail = _told(item.credential)
    if item.old_until is not None:
        longer = client_credential.c.client == item.name, client_credential.c.expires_at > item.old_until
        connection.execute(update(client_credential).where(*longer).values(expires_at=item.old_until))
        detail["old_until"] = to_number(item.old_until)
    if item.credential.kind in OF_PEOPLE:
        _forget_ended(connection, item)
    _insert(connection, item.name, item.credential, item.digest)
    events.note(connection, [Event(What.CLIENT_ROTATED, None, item.by, item.name, detail)])
    return None


@one_by_one
def renew(connection: Connection, item: Renewing) -> None:
    """Let credentials that count, count until later."""
    mine = client_credential.c.client == item.name, client_credential.c.id == item.id
    counts = client_credential.c.revoked_at.is_(None), client_credential.c.expires_at < item.until
    connection.execute(update(client_credential).where(*mine, *counts).values(expires_at=item.until))


@one_by_one
def revoke(connection: Connection, item: Revoking) -> bool:
    """Let clients or credentials count no more; False for what does not count as it is, or never was."""
    mine = client_credential.c.client == item.name, client_credential.c.revoked_at.is_(None)
    which: tuple[ColumnElement[bool], ...] = mine
    if item.id is not None:
        which = (*mine, client_credential.c.id == item.id)
    count = connection.execute(update(client_credential).where(*which).values(revoked_at=item.at)).rowcount
    if item.id is None:
        known = client.c.name == item.name, client.c.revoked_at.is_(None)
        count = connection.execute(update(client).where(*known).values(revoked_at=item.at)).rowcount
        # Nobody waits for it any more, and what it used is of no use.
        for table in (feed_reader, client_use):
            connection.execute(delete(table).where(table.c.client == item.name))
    if count:
        detail = {} if item.id is None else {"credential": item.id}
        events.note(connection, [Event(What.CLIENT_REVOKED, None, item.by, item.name, detail)])
    return count > 0


def _one(connection: Connection, name: str) -> Any:
    """Return a client that has this name but for its letters' case, locked: what follows goes by what it is now."""
    query = select(client.c.name, client.c.revoked_at).where(func.lower(client.c.name) == name.lower())
    return connection.execute(query.with_for_update()).first()


def _gone(connection: Connection, name: str) -> JournalError | None:
    its = _one(connection, name)
    if its is None or its.name != name:
        return JournalError(f"there is no client {name}", "client.unknown")
    return None if its.revoked_at is None else JournalError(f"the client {name} is revoked", "client.revoked")


def _taken(connection: Connection, new: Credential) -> JournalError | None:
    same = client_credential.c.kind == new.kind, client_credential.c.id == new.id
    owner = connection.scalar(select(client_credential.c.client).where(*same))
    if owner is None:
        return None
    return JournalError(f"the client {owner} has this {new.kind} already, or had it", "client.credential_known")


def _insert(connection: Connection, name: str, new: Credential, digest: bytes) -> None:
    row = {column: getattr(new, column) for column in ("id", "kind", "created_at", "expires_at", "revoked_at")}
    connection.execute(client_credential.insert(), {**row, "client": name, "digest": digest})


def _forget_ended(connection: Connection, item: NewCredential) -> None:
    """Delete the links and sessions of a client that have ended long ago: the log has them all."""
    mine = client_credential.c.client == item.name, client_credential.c.kind.in_(OF_PEOPLE)
    over = client_credential.c.expires_at < item.credential.created_at - _REMEMBERED
    connection.execute(delete(client_credential).where(*mine, over))


def _told(new: Credential) -> dict[str, Any]:
    """Return what the log says of a credential: of a token the part that may be seen."""
    return {"credential": new.id, "kind": new.kind, "expires": to_number(new.expires_at)}
