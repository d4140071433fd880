"""Whether senders of changes may touch the appeals that these are about: asked while the appeals are locked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import orjson
import structlog
from sqlalchemy import Connection, select

from appealbus.core.domain.change import Order
from appealbus.core.domain.sender import FOREIGN, OUT_OF_SCOPE, Sender, Touched
from appealbus.core.errors import JournalError
from appealbus.core.journal import bulk, columns
from appealbus.core.journal.tables import appeal, document
from appealbus.core.journal.tables import change as table
from appealbus.core.packing import unpack
from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.stored import CHANGE

log = structlog.get_logger(__name__)

_WHY = {
    FOREIGN: "its sender may change no appeal of another channel; bus.changes_from lists the channels that may",
    OUT_OF_SCOPE: "its sender may change no appeal that is, or would then be, outside of its places or kinds of appeal",
}
Why: TypeAlias = tuple[str, str]
"""Why a change does not count: code and reason."""
_first = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.first)
_FIRSTS = select(appeal.c.id, appeal.c.channel, document.c.body).join(document, _first)


def refused(code: str) -> JournalError:
    """Return why a sender may not make a change, given the code."""
    return JournalError(_WHY[code], code)


@dataclass(slots=True)
class Standing:
    """What decides who may touch an appeal: of the form that it came in, and its corrections, worked in or not."""

    first: Touched
    """Without place and kind where it cannot be read."""
    corrections: list[tuple[Order, Change]] = field(default_factory=list)

    def refusal(self, sender: Sender, change: Change, order: Order, at: datetime) -> JournalError | None:
        """Say why a sender may not make this change, of this order, to the appeal as it is; None: it may."""
        before = after = self.first
        if sender.scoped:  # for all others the channel alone counts, which no correction alters
            before, after = before.after(self.corrections), after.after([*self.corrections, (order, change)])
        code = sender.refusal_ahead(change, at) or sender.refusal(before, after)
        return None if code is None else refused(code)


def standings(connection: Connection, rows: Collection[Any], scoped: Collection[int]) -> dict[int, Standing]:
    """Return how appeals stand, given their rows; with their corrections, where the sender of a change has scopes."""
    # Where no change was worked in yet, the columns are those of the form that it came in.
    found = {
        row.id: Standing(Touched(row.channel, *((row.place, row.kind) if row.first is None else ()))) for row in rows
    }
    changed = [row.id for row in rows if row.id in scoped and row.first is not None]
    for row in connection.execute(_FIRSTS.where(appeal.c.id.in_(changed))) if changed else ():
        found[row.id].first = _first_form(row)
    scoped = found.keys() & set(scoped)
    corrected = select(table).where(table.c.appeal_id.in_(scoped), table.c.kind == ChangeKind.CORRECTED.value)
    for row in connection.execute(corrected) if scoped else ():
        if (read := _change(row)) is not None:
            found[row.appeal_id].corrections.append(((row.dated_at, row.message_id, row.channel), read))
    return found


def _first_form(row: Any) -> Touched:
    try:
        told = columns.of_appeal(orjson.loads(unpack(row.body)))
    except Exception as error:  # damage takes any form
        log.error("journal.unreadable", appeal_id=row.id, error=type(error).__name__)
        return Touched(row.channel)
    return Touched(row.channel, told["place"], told["kind"])


def _change(row: Any) -> Change | None:
    try:
        return CHANGE.read(row.document)
    except Exception as error:  # as whoever works it in passes over it
        log.error("journal.unreadable", appeal_id=row.appeal_id, error=type(error).__name__)
        return None


class Waited:
    """Changes that have waited for appeals which come now: whether their senders may make them.

    Args:
        connection: to the journal.
        named: the columns of the changes, by the ids of the appeals.

    """

    def __init__(self, connection: Connection, named: Mapping[int, Sequence[Any]]) -> None:
        every = [waits for theirs in named.values() for waits in theirs]
        self._senders = {waits.id: Sender.read(waits.sender, waits.channel) for waits in every}
        scoped = [theirs for theirs in named.values() if any(self._senders[each.id].scoped for each in theirs)]
        self._changes = _documents(connection, [waits.id for theirs in scoped for waits in theirs])

    def untouchable(self, row: Mapping[str, Any], taken: Sequence[Any], rest: Sequence[Any]) -> dict[int, Why]:
        """Return which changes of an appeal their senders may not make, by their ids, with code and reason.

        As they came each finds the appeal with those from before it.

        Args:
            row: the appeal, as it comes.
            taken: the changes that it has room for.
            rest: other changes.

        """
        standing = Standing(Touched(row["channel"], row["place"], row["kind"]))
        found: dict[int, Why] = {}
        counted = {waits.id for waits in taken}
        for waits in [*sorted(taken, key=lambda each: (each.received_at, each.id)), *rest]:
            order = waits.dated_at, waits.message_id, waits.channel
            change = self._changes.get(waits.id) or Change(message_id=waits.message_id)
            if why := standing.refusal(self._senders[waits.id], change, order, waits.received_at):
                found[waits.id] = why.code, str(why)
            elif waits.id in counted:
                standing.corrections.append((order, change))
        return found


def _documents(connection: Connection, ids: Sequence[int]) -> dict[int, Change]:
    if not ids:
        return {}
    rows = connection.execute(select(table).where(table.c.id.in_(bulk.padded(ids))))
    return {row.id: change for row in rows if (change := _change(row)) is not None}
