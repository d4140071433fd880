"""Clients: what each may do, what it shows of itself, and what all servers of the HTTP API know of it together."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    delete,
    func,
    or_,
    select,
    update,
)

from appealbus.core.domain.client import OF_PEOPLE, Client, Credential, Role
from appealbus.core.domain.event import Cursor, Event, EventType
from appealbus.core.errors import JournalError
from appealbus.core.journal import events
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.direct import single
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import ACTOR, NOW, Write

client = Table(
    "client",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("places", Text, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("per_minute", Integer),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revoked_at", Moment),
)
"""Systems that may use the HTTP API. `places` and `kinds` are JSON. A name is never given to another one."""

client_credential = Table(
    "client_credential",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("client", Text, ForeignKey("client.name"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)
"""What a client shows of itself: `digest` is the SHA-256 of a token or a certificate; nothing else is kept of it."""

client_use = Table(
    "client_use",
    metadata,
    Column("client", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("used", Integer, nullable=False),
)
"""Requests that were granted to a client in a minute, counted from 1970, by all servers together."""

feed_reader = Table(
    "feed_reader",
    metadata,
    Column("client", Text, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Up to where a client has read the feed, by what it said last."""


_REMEMBERED = timedelta(days=1)
"""How long a link or a session that is over is still known, so that its id is no other one's."""
_COLUMNS = [column.name for column in client.columns]


@dataclass(frozen=True, slots=True)
class NewClient(Write[None]):
    """A client with its first credential; without one, it has shown elsewhere who it is.

    Raises JournalError: `client.known` or `client.credential_known`, if the name or credential was ever in use.
    """

    client: Client
    credential: Credential | None = None
    digest: bytes = b""
    """SHA-256 of its token or certificate."""
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class NewCredential(Write[None]):
    """A credential; the others end at `old_until` at the latest. None: they stay.

    Raises JournalError: `client.unknown`, `client.revoked` or `client.credential_known`.
    """

    name: str
    credential: Credential
    digest: bytes
    old_until: datetime | None
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Revoking(Write[bool]):
    """Revoke one credential of a client, or the client with all of them for good; False if unknown or revoked."""

    name: str
    id: str | None = None
    at: datetime = NOW
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Renewing(Write[None]):
    """Extend a valid credential. Not logged: each use of a session does this."""

    name: str
    id: str
    until: datetime


@NewClient.each
def add(connection: Connection, item: NewClient) -> JournalError | None:
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
    events.note(connection, [Event(EventType.CLIENT_ADDED, None, item.by, new.name, detail)])
    return None


@NewCredential.each
def add_credential(connection: Connection, item: NewCredential) -> JournalError | None:
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
    events.note(connection, [Event(EventType.CLIENT_ROTATED, None, item.by, item.name, detail)])
    return None


@Renewing.each
def renew(connection: Connection, item: Renewing) -> None:
    mine = client_credential.c.client == item.name, client_credential.c.id == item.id
    counts = client_credential.c.revoked_at.is_(None), client_credential.c.expires_at < item.until
    connection.execute(update(client_credential).where(*mine, *counts).values(expires_at=item.until))


@Revoking.each
def revoke(connection: Connection, item: Revoking) -> bool:
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
        events.note(connection, [Event(EventType.CLIENT_REVOKED, None, item.by, item.name, detail)])
    return count > 0


def _one(connection: Connection, name: str) -> Any:
    """Return the client of this name in any letter case, locked."""
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
    """Delete links and sessions of a client that ended long ago; the log keeps them."""
    mine = client_credential.c.client == item.name, client_credential.c.kind.in_(OF_PEOPLE)
    over = client_credential.c.expires_at < item.credential.created_at - _REMEMBERED
    connection.execute(delete(client_credential).where(*mine, over))


def _told(new: Credential) -> dict[str, Any]:
    """Return what the log says of a credential: nothing secret."""
    return {"credential": new.id, "kind": new.kind, "expires": to_number(new.expires_at)}


_KEPT = 5
"""Minutes that stay: a server whose clock is behind by less finds its own minute as it was."""


@dataclass(frozen=True, slots=True)
class RequestAllowance(Write[int]):
    """Take up to `wanted` requests of a client's `limit` in a minute since 1970, which all processes share."""

    lane = "limits"
    client: str
    minute: int
    wanted: int
    limit: int


@dataclass(frozen=True, slots=True)
class Read(Write[None]):
    """How far a client has read the feed; a cursor behind the noted one changes nothing."""

    client: str
    cursor: Cursor
    at: datetime = NOW


@RequestAllowance.batch
def take(connection: Connection, items: Sequence[RequestAllowance]) -> list[int]:
    """Grant requests in order while the minute has any left; return how many each gets."""
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
    """Return the requests used in a minute, locked until the transaction ends."""
    query = select(client_use.c.used).where(client_use.c.client == name, client_use.c.minute == minute)
    used = connection.scalar(query.with_for_update())
    if used is None:
        old = select(client_use.c.minute).where(client_use.c.client == name, client_use.c.minute < minute - _KEPT)
        gone = client_use.c.minute.in_(old.with_for_update(skip_locked=True))
        connection.execute(delete(client_use).where(client_use.c.client == name, gone))
        bulk.insert_new(connection, client_use, [{"client": name, "minute": minute, "used": 0}])
        used = connection.scalar(query.with_for_update())
    return used or 0


@Read.batch
def note_read(connection: Connection, items: Sequence[Read]) -> list[None]:
    """Note how far clients have read: the furthest position of the newest epoch counts."""
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


_CREDENTIAL = select(
    client,
    client_credential.c.digest,
    client_credential.c.created_at.label("its_created_at"),
    client_credential.c.expires_at,
    client_credential.c.revoked_at.label("its_revoked_at"),
).join(client_credential, client_credential.c.client == client.c.name)

_OLDEST_FIRST = select(client_credential).order_by(client_credential.c.created_at, client_credential.c.id)


def all_clients(connection: Connection) -> list[tuple[Client, list[Credential]]]:
    theirs: defaultdict[str, list[Credential]] = defaultdict(list)
    for row in connection.execute(_OLDEST_FIRST):
        theirs[row.client].append(_credential(row))
    rows = connection.execute(select(client).order_by(client.c.name))
    return [(_client(row), theirs[row.name]) for row in rows]


def credentials_of(connection: Connection, name: str) -> list[Credential]:
    """Return all credentials of a client, also ended and revoked ones, oldest first."""
    rows = connection.execute(_OLDEST_FIRST.where(client_credential.c.client == name))
    return [_credential(row) for row in rows]


@single
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
    """Return which credentials, by kind and id, are neither ended nor revoked."""
    theirs = client_credential.c
    query = select(theirs.kind, theirs.id, theirs.expires_at).join(client)
    # By both, which is the primary key: a few of the many sessions that ever were.
    query = query.where(theirs.kind.in_({kind for kind, _ in keys}), theirs.id.in_({id_ for _, id_ in keys}))
    rows = connection.execute(query.where(theirs.revoked_at.is_(None), client.c.revoked_at.is_(None)))
    return {(row.kind, row.id) for row in rows if row.expires_at > now}


def last_uses(connection: Connection) -> dict[str, datetime]:
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
