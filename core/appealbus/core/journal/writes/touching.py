"""Whether senders of changes may touch the appeals that these are about: asked while the appeals are locked."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import structlog
from sqlalchemy import Connection, select

from appealbus.core.domain.change import Order, order_of
from appealbus.core.domain.sender import FOREIGN, NOT_ALLOWED, OUT_OF_SCOPE, Says, Sender, SenderOf, Touched
from appealbus.core.errors import JournalError
from appealbus.core.journal import bulk
from appealbus.core.journal.clients import client
from appealbus.core.journal.tables import change as table
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.stored import CHANGE

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
    """Return why a sender may not make a change, given the code."""
    return JournalError(_WHY[code], code)


class Standing:
    """What decides who may touch an appeal: with its corrections, worked in or not."""

    def __init__(self, now: Touched) -> None:
        self.now = now
        self._since: dict[str, Order] = {}

    def add(self, order: Order, says: Says) -> None:
        """Note a change: of those that say the same field the last one counts, however they came."""
        for name, value in says.moves.items():
            if order >= self._since.get(name, order):
                self._since[name] = order
                self.now = self.now.after({name: value})


def said(connection: Connection, rows: Sequence[Any]) -> dict[int, Says]:
    """Return what changes say, by their ids; of corrections that an earlier release kept the documents are read."""
    found = {row.id: Says(frozenset({row.kind}), {}) if row.says is None else Says.read(row.says) for row in rows}
    unread = [row.id for row in rows if row.says is None and row.kind == ChangeKind.CORRECTED]
    for at in range(0, len(unread), _BATCH):
        these = select(table.c.id, table.c.appeal_id, table.c.document).where(
            table.c.id.in_(bulk.padded(unread[at : at + _BATCH]))
        )
        for row in connection.execute(these):
            try:
                found[row.id] = Says.of(CHANGE.read(row.document))
            except Exception as error:  # damage takes any form; whoever works it in passes over it, too
                log.error("journal.unreadable", appeal_id=row.appeal_id, error=type(error).__name__)
    return found


def revoked(connection: Connection, senders: Iterable[Sender]) -> set[str]:
    """Return which of the clients among senders may use nothing any more."""
    names = bulk.padded(sorted({sender.client for sender in senders} - {""}))
    gone = select(client.c.name).where(client.c.name.in_(names), client.c.revoked_at.is_not(None))
    return set(connection.scalars(gone)) if names else set()


class Waited:
    """Changes that have waited for appeals which come now: whether their senders may make them, by the rights of now.

    Args:
        connection: to the journal.
        waiting: their columns.
        sender_of: says who sent one that is kept.

    """

    def __init__(self, connection: Connection, waiting: Sequence[Any], sender_of: SenderOf) -> None:
        self._says = said(connection, waiting)
        kept = {(waits.sender, waits.channel) for waits in waiting}
        self._senders = {each: sender_of(*each) for each in kept}
        self._revoked = revoked(connection, self._senders.values())

    def why_not(self, standing: Standing, waits: Any) -> Why | None:
        """Return why one does not count for an appeal that stands so; None: it does, and the appeal stands with it."""
        sender, says = self._senders[waits.sender, waits.channel], self._says[waits.id]
        code: str | None = NOT_ALLOWED
        if sender.may_send(says) and sender.client not in self._revoked:
            code = sender.refusal(standing.now, says, waits.dated_at, waits.received_at)
        return None if code is None else (code, _WHY[code])

    def add(self, standing: Standing, waits: Any) -> None:
        """Have an appeal stand with one more."""
        standing.add(order_of(waits), self._says[waits.id])
