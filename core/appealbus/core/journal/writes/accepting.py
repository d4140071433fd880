"""Appeals come in: one row for each message, numbered without gaps."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select
from sqlalchemy.dialects import postgresql

from appealbus.core.domain.document import Document, appeal_document
from appealbus.core.domain.event import Event, What, by_client, short
from appealbus.core.errors import JournalError, MessageDiffers
from appealbus.core.journal import bulk, codec, columns, documents, series
from appealbus.core.journal.key import JournalKey
from appealbus.core.journal.naming import named_by_appeal
from appealbus.core.journal.rows import Accepted, NewAppeal
from appealbus.core.journal.sameness import differ, digest
from appealbus.core.journal.tables import appeal, counter
from appealbus.core.journal.writes import clock, events, subjects, waiting_changes
from appealbus.core.journal.writes.urgency import urgency_of
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.notes import numbered

_IDS = "appeal"

_RECEIPT = [appeal.c[name] for name in ("id", "number", "accepted_at", "accepted_by", "message_id", "channel")]
# Of other channels too: PostgreSQL takes far longer over a list of pairs.
_FOUND = [appeal.c[name] for name in ("digest", "content", "size")]
_KNOWN = select(*_RECEIPT, *_FOUND).where(appeal.c.message_id.in_(bindparam("ids", expanding=True)))
_IN_USE = select(appeal.c.number).where(appeal.c.number.in_(bindparam("numbers", expanding=True)))
_BETWEEN = select(appeal.c.number).where(appeal.c.number.between(bindparam("first"), bindparam("last")))
_AHEAD = 10_000
"""Numbers looked at together: 200,000 that are taken cost twenty looks into an index."""
_COUNTERS = (
    select(counter.c.name, counter.c.value)
    .where(counter.c.name.in_(bindparam("names", expanding=True)))
    .order_by(counter.c.name)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Accept:
    """An appeal to write down, leased to `owner` at once for so many seconds if there is one."""

    new: NewAppeal
    prefix: str
    epoch: int
    owner: str | None
    seconds: float
    marks: JournalKey
    """Makes the marks of whom it names."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells messages apart."""
        return self.new.appeal.message_id, self.new.appeal.channel

    @property
    def foreign(self) -> str | None:
        """The number that it came with. One of the bus's own series is none: only the bus gives these."""
        number = self.new.appeal.number
        return None if number is None or series.is_own(number, self.prefix) else number

    @property
    def series(self) -> str:
        """The series that its number comes from: a new one each year, which turns in UTC, and after each restore."""
        return series.of(self.prefix, self.new.accepted_at.year, self.epoch)


def accept(connection: Connection, items: Sequence[Accept]) -> list[Accepted | JournalError]:
    """Write down what is new; give the old receipt for what is not, and none for what only has an old one's id."""
    last = _lock_counters(connection, {_IDS, waiting_changes.WAITING, *(item.series for item in items)})
    known = _known(connection, [item.key for item in items])
    numbers = _Numbers(connection, items, last)
    results: list[Accepted | JournalError] = []
    rows: list[dict[str, Any]] = []
    happened: list[Event] = []
    forms: list[tuple[int, Document]] = []
    named: list[subjects.Naming] = []
    brought: set[str] = set()
    for item in items:
        said = digest(item.new.appeal)
        if item.key in known:
            first, said_first = known[item.key]
            if differ(said_first, said):  # told where it goes into quarantine
                results.append(MessageDiffers(first.receipt.number))
                continue
            results.append(replace(first, new=False))
            happened.append(Event(What.REPEATED, first.appeal_id, by_client(item.key[1]), item.key[1]))
            continue
        number = numbers.give(item)
        if number == item.foreign:
            brought.add(number)
        last[_IDS] += 1
        content = numbered(item.new.appeal, number, own=item.foreign is None)
        written = appeal_document(content)
        forms.append((last[_IDS], written))
        of_content = {"digest": said, "content": written.digest, "size": len(written.body)}
        row = {**_row(last[_IDS], number, item, content), **of_content}
        if item.owner is not None:
            row["lease_until"] = clock.leased_at(connection, item.new.accepted_at) + timedelta(seconds=item.seconds)
        rows.append(row)
        named.append(subjects.Naming(row["id"], item.marks.marked(named_by_appeal(item.new.appeal))))
        happened.append(_event(row))
        accepted = _accepted(row, new=True)
        results.append(accepted)
        known[item.key] = accepted, said
    waits = rows and last[waiting_changes.WAITING]
    waited = waiting_changes.waiting_for(connection, rows, brought) if waits else {}
    if rows:
        bulk.insert(connection, appeal, rows)
        documents.keep(connection, forms)
        subjects.add(connection, named)
        if waited:
            adopted = waiting_changes.adopt(connection, waited, rows)
            last[waiting_changes.WAITING] -= len(adopted)
            happened = [*_told_anew(happened, rows), *adopted]
            results = [_without_lease(each, waited) for each in results]
        bulk.upsert(connection, counter, [{"name": name, "value": last[name]} for name in last])
    events.note(connection, happened)
    return results


def _event(row: Mapping[str, Any]) -> Event:
    detail = {
        "number": row["number"],
        "message_id": row["message_id"],
        "content": row["content"].hex(),
        "urgency": row["urgency"],
        "by": row["accepted_by"],
    }
    if row["lease_owner"] is not None:
        detail["owner"] = short(row["lease_owner"])
    channel = row["channel"]
    return Event(What.ACCEPTED, row["id"], by_client(channel), channel, detail)


class _Numbers:
    """Gives numbers to a group: the register's own, or the next of the series, passing over those in use."""

    def __init__(self, connection: Connection, items: Sequence[Accept], last: dict[str, int]) -> None:
        self._connection = connection
        self._last = last
        wanted = [item.foreign for item in items if item.foreign is not None]
        self._checked = {name: value + len(items) for name, value in last.items()}
        for name in {item.series for item in items}:
            wanted += [series.numbered(name, value) for value in range(last[name] + 1, self._checked[name] + 1)]
        self._used = set(connection.execute(_IN_USE, {"numbers": bulk.padded(wanted)}).scalars())

    def give(self, item: Accept) -> str:
        """Return the number for a new appeal: the one that it came with, if no other has it."""
        given = item.foreign
        if given is None or given in self._used:
            given = self._next(item.series)
        self._used.add(given)
        return given

    def _next(self, name: str) -> str:
        while True:
            self._last[name] += 1
            if self._last[name] > self._checked[name]:
                self._look_ahead(name)
            number = series.numbered(name, self._last[name])
            if number not in self._used:
                return number

    def _look_ahead(self, name: str) -> None:
        """Learn at once which of the next thousands are in use: an older program let channels take them in advance."""
        first = self._last[name]
        # Texts of one length are in the order of their values.
        self._checked[name] = min(first + _AHEAD, 10 ** max(8, len(str(first))) - 1)
        ends = {"first": series.numbered(name, first), "last": series.numbered(name, self._checked[name])}
        self._used |= set(self._connection.execute(_BETWEEN, ends).scalars())


def _lock_counters(connection: Connection, names: set[str]) -> dict[str, int]:
    """Return where the counters stand, locked: on PostgreSQL this lets one process accept at a time."""
    last = dict.fromkeys(sorted(names), 0)
    known = {row.name: row.value for row in connection.execute(_COUNTERS, {"names": list(last)})}
    missing = [{"name": name, "value": 0} for name in last if name not in known]
    if missing and connection.dialect.name == "postgresql":
        # A row that is not there cannot be locked: two that begin a year together would give the same numbers.
        connection.execute(postgresql.insert(counter).on_conflict_do_nothing(), missing)
        known = {row.name: row.value for row in connection.execute(_COUNTERS, {"names": list(last)})}
    return last | known


def _known(
    connection: Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Accepted, bytes | None]]:
    return {
        (row.message_id, row.channel): (_accepted(row._mapping, new=False), row.digest)
        for row in connection.execute(_KNOWN, {"ids": bulk.padded([message_id for message_id, _ in keys])})
    }


def _told_anew(happened: Sequence[Event], rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Return the events with the appeals as they stand with the changes that have waited for them."""
    now = {row["id"]: row for row in rows}
    accepted = (each.what is What.ACCEPTED and each.appeal_id for each in happened)
    return [_event(now[which]) if which else each for which, each in zip(accepted, happened, strict=True)]


def _without_lease(result: Accepted | JournalError, waited: Collection[int]) -> Accepted | JournalError:
    if isinstance(result, Accepted) and result.appeal_id in waited:
        return replace(result, leased=False)
    return result


def _accepted(row: Mapping[str, Any] | RowMapping, *, new: bool) -> Accepted:
    return Accepted(row["id"], codec.receipt(row), new, row["content"], row["size"])


def _row(appeal_id: int, number: str, item: Accept, content: Appeal) -> dict[str, Any]:
    return {
        "id": appeal_id,
        "channel": content.channel,
        "message_id": content.message_id,
        "number": number,
        "accepted_at": item.new.accepted_at.astimezone(UTC),
        "accepted_by": item.new.accepted_by,
        "urgency": urgency_of(content),
        "state": "ready" if item.owner is None else "in_work",
        "due_at": None,
        "lease_owner": item.owner,
        "lease_until": None,
        "version": 0,
        "completeness": None,
        "changed_at": item.new.accepted_at,
        "changes": 0,
        "closed": None,
        **columns.of_appeal(content),
    }
