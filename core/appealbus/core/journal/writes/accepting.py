"""Appeals come in: one row for each message, numbered without gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from appealbus.core.domain.document import Document
from appealbus.core.domain.event import Event, What, by_client, short
from appealbus.core.errors import JournalError, MessageDiffers
from appealbus.core.journal import bulk, clock, codec, direct, documents, events
from appealbus.core.journal.changes import waiting_changes
from appealbus.core.journal.duplicates import differ, digest
from appealbus.core.journal.rows import Accepted
from appealbus.core.journal.tables import appeal, counter
from appealbus.core.journal.writes import sketches, subjects
from appealbus.core.journal.writes.arriving import Arriving
from appealbus.core.journal.writes.numbering import Numbers
from appealbus.schemas.appeal import Appeal

_IDS = "appeal"
_RECEIPT = [appeal.c[name] for name in ("id", "number", "accepted_at", "accepted_by", "message_id", "channel")]
# Of other channels too: PostgreSQL takes far longer over a list of pairs.
_FOUND = [appeal.c[name] for name in ("digest", "content", "size")]
_KNOWN = select(*_RECEIPT, *_FOUND).where(direct.among(appeal.c.message_id, "ids"))


@dataclass(frozen=True, slots=True)
class _Numbered:
    """An appeal that is new, with its number."""

    item: Arriving
    row: dict[str, Any]
    document: Document


def accept(connection: Connection, items: Sequence[Arriving]) -> list[Accepted | JournalError]:
    """Write down what is new; give the old receipt for what is not, and none for what only has an old one's id."""
    messages = _KNOWN, {"ids": [item.new.appeal.message_id for item in items]}
    counters = _IDS, waiting_changes.WAITING
    numbers, (found, *told) = Numbers.locked(connection, items, counters, messages, *clock.asked(connection))
    last = numbers.last
    known: dict[tuple[str, str], Mapping[str, Any]] = {(row.message_id, row.channel): row._asdict() for row in found}
    now = clock.answered(told, max(item.new.accepted_at for item in items))
    new: dict[int, _Numbered] = {}
    for at, item in enumerate(items):
        if item.key not in known:
            number = numbers.give(item)
            document = item.document(number)
            last[_IDS] += 1
            row = {**item.row, "id": last[_IDS], "number": number, "content": document.digest}
            row["size"] = len(document.body)
            row["lease_until"] = None if item.owner is None else now + timedelta(seconds=item.seconds)
            new[at] = _Numbered(item, row, document)
            known[item.key] = row
    adopted = _insert(connection, list(new.values()), last) if new else []
    results = [_result(item, known[item.key], new=at in new) for at, item in enumerate(items)]
    happened = [_event(known[item.key], new=at in new) for at, item in enumerate(items) if _is_receipt(results[at])]
    events.note(connection, [*happened, *adopted])
    return results


def _insert(connection: Connection, new: Sequence[_Numbered], last: Mapping[str, int]) -> list[Event]:
    """Insert what is new, and where the counters stand; return what happened to changes that have waited for it."""
    rows = [each.row for each in new]
    brought = {each.row["number"] for each in new if each.row["number"] == each.item.foreign}
    waits, sender_of = last[waiting_changes.WAITING], new[-1].item.new.sender_of
    waited = waiting_changes.waiting_for(connection, rows, brought, sender_of) if waits else None
    bulk.insert(connection, appeal, rows)
    documents.keep(connection, [(each.row["id"], each.document) for each in new])
    subjects.add(connection, [subjects.Naming(each.row["id"], each.item.marked) for each in new])
    drawn = [(each.row["id"], each.item.sketch) for each in new if each.item.sketch is not None]
    sketches.add(connection, drawn)
    values = [{"name": name, "value": value} for name, value in last.items() if name != waiting_changes.WAITING]
    bulk.upsert(connection, counter, values)
    return waiting_changes.adopt(connection, waited, rows) if waited is not None else []


def _result(item: Arriving, row: Mapping[str, Any], *, new: bool) -> Accepted | JournalError:
    if differ(row["digest"], item.said):
        return MessageDiffers(row["number"])  # told where it goes into quarantine
    leased = not row.get("changes")  # those that have waited for it took its lease
    return Accepted(row["id"], codec.receipt(row), new, row["content"], row["size"], leased)


def _is_receipt(result: Accepted | JournalError) -> bool:
    return isinstance(result, Accepted)


def _event(row: Mapping[str, Any], *, new: bool) -> Event:
    channel = row["channel"]
    if not new:
        return Event(What.REPEATED, row["id"], by_client(channel), channel)
    detail = {
        "number": row["number"],
        "message_id": row["message_id"],
        "content": row["content"].hex(),
        "urgency": row["urgency"],
        "by": row["accepted_by"],
    }
    if row["lease_owner"] is not None:
        detail["owner"] = short(row["lease_owner"])
    return Event(What.ACCEPTED, row["id"], by_client(channel), channel, detail)


def would_accept(connection: Connection, new: Appeal) -> str | None:
    """Return the number of the appeal that the same message has become before; None: it is new.

    Raises:
        MessageDiffers: another message has come with its message id before.

    """
    named = (appeal.c.message_id == new.message_id) & (appeal.c.channel == new.channel)
    first = connection.execute(select(appeal.c.number, appeal.c.digest).where(named)).first()
    if first is None:
        return None
    if differ(first.digest, digest(new)):
        raise MessageDiffers(first.number)
    return str(first.number)
