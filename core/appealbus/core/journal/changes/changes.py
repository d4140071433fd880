"""Changes of appeals as they are kept and listed, and whether their senders may touch these appeals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import structlog
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    tuple_,
)

from appealbus.core.domain.change import KeptChange, Order, order_of
from appealbus.core.domain.client import FOREIGN, NOT_ALLOWED, OUT_OF_SCOPE, Says, Sender, SenderOf, Touched
from appealbus.core.errors import JournalError
from appealbus.core.journal.clients import client
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.tables import Id, appeal, metadata, partial_index
from appealbus.schemas.appeal import Receipt
from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.stored import CHANGE

change = Table(
    "change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("appeal_id", Id, ForeignKey("appeal.id")),
    Column("number", Text),
    Column("of_message", Text),
    Column("of_channel", Text),
    Column("kind", Text, nullable=False),
    Column("dated_at", Moment, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("sender", Text),
    Column("refused", Text),
    Column("says", Text),
    Column("reserved", Id),
    UniqueConstraint("message_id", "channel"),
    sqlite_autoincrement=True,
)
"""Messages about known appeals. Without `appeal_id` one waits for its appeal, named by `number`, its message or both.

The appeal must have come by `of_channel`; None: by any. `sender` is who sent one that waits, with its scopes.
One that its sender may not make waits in vain, and is in quarantine as well: `refused` is the code.
`says` is what decides who may make it, None from an earlier release; `reserved` the id that it has in quarantine, if it
gets there: given as it comes, so that no id tells when.
"""
Index("ix_change_sent", change.c.channel, change.c.kind)
_waits_for_appeal = change.c.appeal_id.is_(None)
partial_index("ix_change_appeal", change.c.appeal_id, where=~_waits_for_appeal)
partial_index("ix_change_number", change.c.number, where=_waits_for_appeal)
partial_index("ix_change_message", change.c.of_message, where=_waits_for_appeal)
partial_index("ix_change_waiting", change.c.received_at, where=_waits_for_appeal)


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to take. Its channel and message id tell it apart."""

    change: Change
    received_at: datetime
    accepted_by: str
    sender: Sender | None = None
    """Who sends it; None: one that may touch what came by its channel."""
    position: str = ""
    """Where it stood, for people."""
    actor: str = ""
    """Who makes it, for the log, with the reason that it says; empty: its channel."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    id: int
    channel: str
    message_id: str
    received_at: datetime
    dated_at: datetime
    kind: str
    """Empty: of none that is known."""
    number: str | None
    """That it names."""
    of_message: str | None
    """The id of its appeal's message, where it names that."""
    appeal_id: int | None
    """None: it waits for its appeal."""
    refused: str | None = None
    """The code for which it waits in vain: its sender may not touch its appeal, and it is in quarantine."""
    document: bytes = b""
    """The whole; empty in lists of what waits."""


@dataclass(frozen=True, slots=True)
class ChangeTaken:
    receipt: Receipt
    """With the number of the appeal; of one that is not known the number that the change names, or none."""
    appeal_id: int | None
    """None: it waits for its appeal, or its sender may not touch that."""
    new: bool
    refused: str | None = None
    """The code for which it may not; it is told what it would be told if there were no such appeal."""
    quarantine_id: int = 0
    """Under which it is kept, if it was refused just now."""


def change_from_row(row: Row[Any]) -> KeptChange:
    return KeptChange.of(CHANGE.read(row.document), row.received_at)


_OF_CHANGE = [change.c[name] for name in ChangeRow.__dataclass_fields__ if name != "document"]


def changes(connection: Connection, number: str) -> list[ChangeRow] | None:
    """Return the changes of an appeal in the order in which they count; None for an unknown appeal."""
    appeal_id = connection.scalar(select(appeal.c.id).where(appeal.c.number == number))
    if appeal_id is None:
        return None
    mine = select(*_OF_CHANGE, change.c.document).where(change.c.appeal_id == appeal_id)
    return [ChangeRow(**row._mapping) for row in sorted(connection.execute(mine), key=order_of)]


def waiting_changes(connection: Connection, after: int = 0, limit: int = 100) -> list[ChangeRow]:
    # `id + 0`: they are few and have an index; by id it would be looked for among all.
    waits = select(*_OF_CHANGE).where(change.c.appeal_id.is_(None), change.c.id + 0 > after)
    return [ChangeRow(**row._mapping) for row in connection.execute(waits.order_by(change.c.id + 0).limit(limit))]


def most_awaited(connection: Connection, limit: int = 10) -> list[tuple[str, str, int]]:
    """Return the appeals that most changes wait for: channel, number or message id, count."""
    named = (change.c.channel, func.coalesce(change.c.number, change.c.of_message).label("named"))
    counted = select(*named, func.count().label("number")).where(change.c.appeal_id.is_(None)).group_by(*named)
    rows = connection.execute(counted.order_by(func.count().desc(), *named).limit(limit))
    return [(row.channel, row.named, row.number) for row in rows]


def sent(connection: Connection) -> dict[str, set[str]]:
    """Return the kinds of change that each channel has sent; unknown kinds as an empty text."""
    kinds: dict[str, set[str]] = {}
    pair = tuple_(change.c.channel, change.c.kind)
    following = select(change.c.channel, change.c.kind).order_by(change.c.channel, change.c.kind).limit(1)
    row = connection.execute(following).first()
    while row is not None:  # from one to the next in the index: there may be millions of changes
        kinds.setdefault(row.channel, set()).add(row.kind)
        row = connection.execute(following.where(pair > (row.channel, row.kind))).first()
    return kinds


log = structlog.get_logger(__name__)

_WHY = {
    FOREIGN: "its sender may change no appeal of another channel; bus.changes_from lists the channels that may",
    NOT_ALLOWED: "its sender may send no such change any more: it is revoked, or the policy has changed",
    OUT_OF_SCOPE: "its sender may change no appeal that is, or would then be, outside of its places or kinds of appeal",
}
Why: TypeAlias = tuple[str, str]
"""Why a change does not count: code and reason."""
_BATCH = 100
"""Documents that are read at once."""


def refused(code: str) -> JournalError:
    return JournalError(_WHY[code], code)


class ScopeNow:
    """What decides who may touch an appeal: its channel, place and kind after all corrections."""

    def __init__(self, now: Touched) -> None:
        self.now = now
        self._since: dict[str, Order] = {}

    def add(self, order: Order, says: Says) -> None:
        """Add a change: of those that set the same field the last one in order counts."""
        for name, value in says.moves.items():
            if order >= self._since.get(name, order):
                self._since[name] = order
                self.now = self.now.after({name: value})


def said(connection: Connection, rows: Sequence[Any]) -> dict[int, Says]:
    """Return what changes say, by id; corrections kept by an earlier release are read from their documents."""
    says = {row.id: Says(frozenset({row.kind}), {}) if row.says is None else Says.read(row.says) for row in rows}
    unread = [row.id for row in rows if row.says is None and row.kind == ChangeKind.CORRECTED]
    for at in range(0, len(unread), _BATCH):
        these = select(change.c.id, change.c.appeal_id, change.c.document).where(
            change.c.id.in_(direct.padded(unread[at : at + _BATCH]))
        )
        for row in connection.execute(these):
            try:
                says[row.id] = Says.of(CHANGE.read(row.document))
            except Exception as error:  # damage takes any form; whoever works it in passes over it, too
                log.error("journal.unreadable", appeal_id=row.appeal_id, error=type(error).__name__)
    return says


def revoked(connection: Connection, senders: Iterable[Sender]) -> set[str]:
    names = direct.padded(sorted({sender.client for sender in senders} - {""}))
    gone = select(client.c.name).where(client.c.name.in_(names), client.c.revoked_at.is_not(None))
    return set(connection.scalars(gone)) if names else set()


class Waited:
    """Changes that waited for appeals which come now; whether they count, by their senders' rights of now."""

    def __init__(self, connection: Connection, waiting: Sequence[Any], sender_of: SenderOf) -> None:
        self._says = said(connection, waiting)
        kept = {(waits.sender, waits.channel) for waits in waiting}
        self._senders = {name: sender_of(*name) for name in kept}
        self._revoked = revoked(connection, self._senders.values())

    def why_not(self, standing: ScopeNow, waits: Any) -> Why | None:
        """Return why a change does not count for an appeal in this standing; None if it does."""
        sender, says = self._senders[waits.sender, waits.channel], self._says[waits.id]
        code: str | None = NOT_ALLOWED
        if sender.may_send(says) and sender.client not in self._revoked:
            code = sender.refusal(standing.now, says, waits.dated_at, waits.received_at)
        return None if code is None else (code, _WHY[code])

    def add(self, standing: ScopeNow, waits: Any) -> None:
        standing.add(order_of(waits), self._says[waits.id])
