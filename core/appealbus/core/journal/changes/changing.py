"""Changes come in: about appeals that are here, or about such as are still to come."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from appealbus.core.domain.change import AS_KEPT, KeptChange, fields_of_change
from appealbus.core.domain.client import REFUSED
from appealbus.core.domain.event import Event, EventType, by_client
from appealbus.core.errors import CONFLICT, JournalError, MessageDiffers
from appealbus.core.journal import events, quarantine
from appealbus.core.journal.changes import waiting_changes
from appealbus.core.journal.changes.changes import ChangeTaken, NewChange
from appealbus.core.journal.changes.changes import change as table
from appealbus.core.journal.changes.targets import Changing, Targets
from appealbus.core.journal.codec import differ, digest
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.core.journal.tables import appeal
from appealbus.schemas.appeal import Receipt
from appealbus.schemas.base import printable
from appealbus.schemas.notes import warned

_KNOWN = (
    select(
        table.c.message_id,
        table.c.channel,
        table.c.received_at,
        table.c.appeal_id,
        table.c.digest,
        table.c.number.label("named"),
        table.c.refused,
        appeal.c.number,
    )
    .outerjoin_from(table, appeal, appeal.c.id == table.c.appeal_id)
    .where(table.c.message_id.in_(bindparam("ids", expanding=True)))
)


@Changing.batch
def change(connection: Connection, items: Sequence[Changing]) -> list[ChangeTaken | JournalError]:
    """Write changes; those of known appeals make these ready, the others wait."""
    known = _known(connection, items)
    anew = [item for item in items if item.replayed and item.key in known and known[item.key][0].refused]
    asked = [item for item in items if item.key not in known or item in anew or item.sender.scoped]
    targets = Targets(connection, asked)
    results: list[ChangeTaken | JournalError] = []
    rows: list[dict[str, Any]] = []
    happened: list[Event] = []
    for item in items:
        said = digest(item.new.change)
        if item.key in known and (item not in anew or differ(known[item.key][1], said)):
            first, said_first = known[item.key]
            shown = _as_waiting(first, item) if first.appeal_id is not None and targets.hides(item) else first
            results.append(_differs(shown) if (differs := differ(said_first, said)) else shown)
            if not differs:  # of one that differs quarantine tells
                channel, detail = item.new.change.channel, {"change": item.new.change.message_id}
                happened.append(Event(EventType.REPEATED, first.appeal_id, by_client(channel), channel, detail))
            continue
        target = targets.of(item)
        refused = target if isinstance(target, JournalError) else None
        if refused is not None and (item.replayed or refused.code not in REFUSED):
            results.append(refused)
            continue
        row = _row(item, said)
        if isinstance(target, JournalError):
            row["refused"], target = target.code, None
        if item in anew:
            message_id, channel = item.key
            connection.execute(delete(table).where(table.c.message_id == message_id, table.c.channel == channel))
            targets.forget(channel)
        if target is not None:
            row["appeal_id"], row["sender"] = target.row.id, None
            target.add(row, KeptChange.of(item.new.change, item.new.received_at), item.says)
        rows.append(row)
        said_of = {"fields": fields_of_change(item.new.change)} | (target.told if target is not None else {})
        if refused is None:  # of one that is refused quarantine tells: one entry each, for who counts them
            happened.append(_told(item, waiting_changes.told(row, said_of)))
        number = item.new.change.number or "" if target is None else target.row.number
        taken = _taken(number, row, item.new.accepted_by, new=True)
        if refused is not None:
            taken = replace(taken, quarantine_id=_quarantined(connection, item, refused))
        results.append(taken)
        known[item.key] = _taken(number, row, item.new.accepted_by, new=False), said
    try:
        if rows:  # not by `bulk`, whose errors come later on PostgreSQL
            _reserve(connection, rows)
            connection.execute(insert(table), rows)
    except IntegrityError:  # another worker has just taken one of them: on the next try it is known
        raise JournalError("others write the same changes", CONFLICT) from None
    targets.write(connection)
    events.note(connection, happened)
    return [_warned(result, item) for result, item in zip(results, items, strict=True)]


def _warned(taken: ChangeTaken | JournalError, item: Changing) -> ChangeTaken | JournalError:
    """Add its warnings to a receipt: from the change and its first arrival alone, so they reveal no appeal."""
    if isinstance(taken, JournalError):
        return taken
    kept = KeptChange.of(item.new.change, taken.receipt.accepted_at)
    return replace(taken, receipt=warned(taken.receipt, kept.change.warnings))


def _told(item: Changing, event: Event) -> Event:
    """Return the log entry of a change; of one by a person with their name and reason."""
    actor = item.new.actor
    return event._replace(actor=actor, detail={**event.detail, "reason": item.new.change.reason}) if actor else event


def _as_waiting(first: ChangeTaken, item: Changing) -> ChangeTaken:
    """Return the receipt of a waiting change: another client of the channel sent the known one."""
    receipt = first.receipt.model_copy(update={"number": item.new.change.number or ""})
    return replace(first, receipt=receipt, appeal_id=None)


def _reserve(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    waits = [row for row in rows if row["appeal_id"] is None and row["refused"] is None]
    for row, reserved in zip(waits, quarantine.reserve(connection, len(waits)), strict=True):
        row["reserved"] = reserved


def would_change(connection: Connection, new: NewChange, *, most_waiting: int = 10_000) -> str | None:
    """Raise what would keep a change from being taken out of quarantine; return its number if it came before."""
    item = Changing(new, most_waiting, replayed=True)
    if item.key in (known := _known(connection, [item])):
        first, said_first = known[item.key]
        if differ(said_first, digest(item.new.change)):
            raise _differs(first)
        if first.refused is None:
            return first.receipt.number
    target = Targets(connection, [item], look=True).of(item)
    if isinstance(target, JournalError):
        raise target
    return None


def _differs(first: ChangeTaken) -> MessageDiffers:
    """Return the error for another change under a known id: without a number if that one waits."""
    return MessageDiffers("" if first.appeal_id is None else first.receipt.number)


def _row(item: Changing, said: bytes) -> dict[str, Any]:
    new = item.new.change
    return {
        "channel": new.channel,
        "message_id": new.message_id,
        "received_at": item.new.received_at,
        "appeal_id": None,
        "number": new.number,
        "of_message": new.appeal_message_id,
        "of_channel": item.of_channel,
        "kind": new.kind or "",
        "dated_at": item.dated_at,
        "digest": said,
        "size": len(item.document),
        "document": item.document,
        "sender": item.sender.kept(),
        "refused": None,
        "says": item.says.kept(),
        "reserved": None,
    }


def _quarantined(connection: Connection, item: Changing, why: JournalError) -> int:
    new, sender = item.new.change, item.sender
    position = item.new.position or printable(f"change {new.message_id}")
    kept = NewQuarantine(
        item.new.received_at,
        *(new.channel, position, str(why), item.document, AS_KEPT, why.code),
        sender=sender.kept() if sender.client else None,
    )
    return quarantine.keep(connection, [kept])[0]


def _taken(number: str, row: Mapping[str, Any] | RowMapping, accepted_by: str, *, new: bool) -> ChangeTaken:
    receipt = Receipt(
        number=number,
        accepted_at=row["received_at"],
        accepted_by=accepted_by,
        message_id=row["message_id"],
        channel=row["channel"],
    )
    return ChangeTaken(receipt, row["appeal_id"], new, row["refused"])


def _known(
    connection: Connection, items: Sequence[Changing]
) -> dict[tuple[str, str], tuple[ChangeTaken, bytes | None]]:
    by = {item.key: item.new.accepted_by for item in items}
    rows = connection.execute(_KNOWN, {"ids": direct.padded([message_id for message_id, _ in by])})
    return {
        key: (_taken(row.number or row.named or "", row._mapping, by[key], new=False), row.digest)
        for row in rows
        if (key := (row.message_id, row.channel)) in by
    }
