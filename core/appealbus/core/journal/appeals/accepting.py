"""Appeals come in: one row for each message, numbered without gaps.

On PostgreSQL one worker gives numbers at a time, and the others wait: what does not depend on an appeal's number is
made before that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection, select

from appealbus.core.clocks import day_of
from appealbus.core.domain.client import Sender, SenderOf
from appealbus.core.domain.document import Document, Unnumbered, appeal_document
from appealbus.core.domain.event import Event, EventType, by_client, short
from appealbus.core.domain.public_id import new_tag
from appealbus.core.errors import JournalError, MessageDiffers
from appealbus.core.journal import clock, codec, documents, events, parts
from appealbus.core.journal.appeals import forms, numbering
from appealbus.core.journal.appeals.numbering import Numbers
from appealbus.core.journal.changes import waiting_changes
from appealbus.core.journal.codec import differ, digest, urgency_of
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.key import JournalKey, Marked
from appealbus.core.journal.naming import named_by_appeal
from appealbus.core.journal.part_rows import NOTHING, Kept
from appealbus.core.journal.tables import appeal, counter
from appealbus.core.journal.writes import Write
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.notes import numbered


@dataclass(frozen=True, slots=True)
class NewAppeal:
    """An appeal to accept, identified by channel and message id; without a number it gets one of ours."""

    appeal: Appeal
    accepted_at: datetime
    accepted_by: str
    due_on: date | None = None
    """Until when it has to be answered, where it does not say that itself."""
    sender_of: SenderOf = Sender.read
    """Says of changes that have waited for it who sent them, and what they may now."""
    said: bytes | None = None
    """The digest of what its sender gave, where fields of it are others since."""


@dataclass(frozen=True, slots=True)
class Accepted:
    appeal_id: int
    receipt: Receipt
    new: bool
    content: bytes = b""
    """The digest of its document."""
    size: int = 0
    """Bytes of that."""
    leased: bool = True
    """False where changes have waited for it: then it is ready, and nobody's."""


@dataclass(frozen=True, slots=True)
class Arriving(Write[Accepted]):
    turn = 4  # it keeps others from accepting until the transaction ends
    new: NewAppeal
    foreign: str | None
    """The number that it came with. One of the bus's own series is none: only the bus gives these."""
    series: str
    """The series that its number comes from: a new one each year of the country, and after each restore."""
    text: Unnumbered
    marked: Sequence[Marked]
    """Marks of whom and what it names."""
    row: Mapping[str, Any]
    """Its columns, without what its number and the moment of its writing give."""
    owner: str | None
    """To whom it is leased at once."""
    seconds: float
    """For how long."""
    kept: Kept = NOTHING
    """Rows of parts."""

    @classmethod
    def of(
        cls,
        new: NewAppeal,
        prefix: str,
        epoch: int,
        key: JournalKey,
        *,
        owner: str | None,
        seconds: float,
        kept: Kept = NOTHING,
    ) -> Self:
        number = new.appeal.number
        foreign = None if number is None or numbering.is_own(number, prefix) else number
        return cls(
            new,
            foreign,
            numbering.series_of(prefix, day_of(new.accepted_at).year, epoch),
            Unnumbered.of(new.appeal if number == foreign else numbered(new.appeal, "", own=True)),
            key.marked(named_by_appeal(new.appeal)),
            _row(new, owner),
            owner,
            seconds,
            kept,
        )

    def bare(self) -> tuple[Self, Kept]:
        """Return it without the rows of parts, and these."""
        return replace(self, kept=NOTHING), self.kept

    @property
    def said(self) -> bytes:
        said: bytes = self.row["digest"]
        return said

    @property
    def key(self) -> tuple[str, str]:
        return self.new.appeal.message_id, self.new.appeal.channel

    def document(self, number: str) -> Document:
        if self.foreign in (None, number):
            return self.text.numbered(number)
        return appeal_document(numbered(self.new.appeal, number))  # another has the one that it came with


def _row(new: NewAppeal, owner: str | None) -> Mapping[str, Any]:
    return {
        "channel": new.appeal.channel,
        "message_id": new.appeal.message_id,
        "digest": new.said or digest(new.appeal),
        "accepted_at": new.accepted_at.astimezone(UTC),
        "accepted_by": new.accepted_by,
        "urgency": urgency_of(new.appeal.due_on or new.due_on),
        "state": "ready" if owner is None else "in_work",
        "due_at": None,
        "lease_owner": owner,
        "version": 0,
        "completeness": None,
        "changed_at": new.accepted_at,
        "changes": 0,
        "closed": None,
        "lacks": None,
        "tag": new_tag(),
        **codec.columns_of(new.appeal),
    }


_IDS = "appeal"
_RECEIPT = [appeal.c[name] for name in ("id", "number", "accepted_at", "accepted_by", "message_id", "channel")]
# Of other channels too: PostgreSQL takes far longer over a list of pairs.
_FOUND = [appeal.c[name] for name in ("digest", "content", "size")]
_KNOWN = select(*_RECEIPT, *_FOUND).where(direct.among(appeal.c.message_id, "ids"))


@dataclass(frozen=True, slots=True)
class _Numbered:
    item: Arriving
    row: dict[str, Any]
    document: Document


@Arriving.batch
def accept(connection: Connection, items: Sequence[Arriving]) -> list[Accepted | JournalError]:
    """Write new appeals; a known message gets its first receipt, another message with a known id an error."""
    messages = _KNOWN, {"ids": [item.new.appeal.message_id for item in items]}
    counters = _IDS, waiting_changes.WAITING
    numbers, (earlier, *times) = Numbers.locked(connection, items, counters, messages, *clock.asked(connection))
    last = numbers.last
    known: dict[tuple[str, str], Mapping[str, Any]] = {(row.message_id, row.channel): row._asdict() for row in earlier}
    now = clock.answered(times, max(item.new.accepted_at for item in items))
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
    """Insert new appeals and the counters; return the events of changes that have waited for them."""
    rows = [numbered.row for numbered in new]
    brought = {numbered.row["number"] for numbered in new if numbered.row["number"] == numbered.item.foreign}
    waits, sender_of = last[waiting_changes.WAITING], new[-1].item.new.sender_of
    waited = waiting_changes.waiting_for(connection, rows, brought, sender_of) if waits else None
    bulk.insert(connection, appeal, rows)
    documents.keep(connection, [(numbered.row["id"], numbered.document) for numbered in new])
    forms.add_subjects(connection, [forms.Naming(numbered.row["id"], numbered.item.marked) for numbered in new])
    parts.add(connection, [(numbered.row["id"], numbered.item.kept) for numbered in new])
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
        return Event(EventType.REPEATED, row["id"], by_client(channel), channel)
    detail = {
        "number": row["number"],
        "message_id": row["message_id"],
        "content": row["content"].hex(),
        "urgency": row["urgency"],
        "by": row["accepted_by"],
    }
    if row["lease_owner"] is not None:
        detail["owner"] = short(row["lease_owner"])
    return Event(EventType.ACCEPTED, row["id"], by_client(channel), channel, detail)


def would_accept(connection: Connection, new: Appeal) -> str | None:
    """Return the number that the same message got before, None if it is new; raise MessageDiffers for another one."""
    named = (appeal.c.message_id == new.message_id) & (appeal.c.channel == new.channel)
    first = connection.execute(select(appeal.c.number, appeal.c.digest).where(named)).first()
    if first is None:
        return None
    if differ(first.digest, digest(new)):
        raise MessageDiffers(first.number)
    return str(first.number)
