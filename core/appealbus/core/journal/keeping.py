"""How questions stand: kept as they end, and again where kept replies were read once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from appealbus.core.domain.case import KeptReplies, LookupState
from appealbus.core.domain.event import Event, EventType, by_worker
from appealbus.core.errors import JournalError
from appealbus.core.journal import codec, documents, events, replies
from appealbus.core.journal.appeals import forms, suspects
from appealbus.core.journal.appeals.leases import not_free
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.key import JournalKey, Marked
from appealbus.core.journal.naming import named_by_record
from appealbus.core.journal.replies import Kept
from appealbus.core.journal.tables import appeal, lookup
from appealbus.core.journal.writes import ACTOR, NOW, Posted, Write, filled
from appealbus.schemas.provenance import Provenance

_LARGE = 256 * 1024
"""Bytes of replies that are worth waiting for until they are written."""


def marked_in(key: JournalKey, state: LookupState) -> Sequence[Marked]:
    """Return the marks of whom a record names."""
    if state.record is None:
        return ()
    return key.marked(named_by_record(state.record, state.lookup, {given.value for given in state.inputs}))


@dataclass(frozen=True, slots=True)
class Keep(Posted[bool]):
    """How a question stands. It is False, and dropped, if the appeal is leased to another worker by then."""

    appeal_id: int
    state: LookupState
    owner: str | None = None
    """Whose lease it must be, or else the state is dropped; None: whoever's."""
    replies: KeptReplies | None = None
    """What came for it, where that is kept."""
    by: str | None = None
    """Who says so, for the log; None: the owner."""
    replaces: bool = False
    """Whether it stood otherwise before, though it was put but once: its answer came later, or was read again."""
    marked: Sequence[Marked] = filled(lambda journal, item: marked_in(journal.key, item.state))
    """Whom its record names."""
    now: datetime = NOW

    @property
    def is_large(self) -> bool:
        return self.replies is not None and len(self.replies.packed) > _LARGE


# Locked, so that nobody takes an appeal over between this look and the write. A claim passes over what is locked.
_OWNERS = (
    select(appeal.c.id, appeal.c.lease_owner)
    .where(direct.among(appeal.c.id, "ids"))
    .order_by(appeal.c.id)
    .with_for_update(key_share=True)
)


@Keep.batch
def keep(connection: Connection, items: Sequence[Keep]) -> list[bool]:
    """Write how questions stand where the owner still has the appeal; return which were written."""
    fenced = list({item.appeal_id for item in items if item.owner is not None})
    owners = dict(direct.ask(connection, (_OWNERS, {"ids": fenced}))[0]) if fenced else {}
    # Whoever has the appeal now asks by itself; what one finds who had it before must not overwrite that.
    own = [item.owner is None or item.owner == owners.get(item.appeal_id) for item in items]
    good = [item for item, is_own in zip(items, own, strict=True) if is_own]
    facts = [(item.appeal_id, item.state.fact) for item in good]
    documents.keep(connection, [(appeal_id, fact) for appeal_id, fact in facts if fact is not None])
    rows = [codec.state_to_row(item.appeal_id, item.state) for item in good]
    # A source that fails for weeks would else leave a document of each attempt. What it says stays in the log.
    again = [row for item, row in zip(good, rows, strict=True) if item.replaces or item.state.runs > 1]
    questions = {(row["appeal_id"], row["lookup"], row["key"]): row["fact"] for row in again}
    documents.drop_former_trails(connection, questions)
    bulk.upsert(connection, lookup, rows)
    events.note(connection, [_ended(item, row) for item, row in zip(good, rows, strict=True)])
    kept = [(item, item.replies) for item in good if item.replies is not None]
    replies.keep(
        connection,
        [Kept(item.appeal_id, item.state, its, item.now + timedelta(seconds=its.seconds)) for item, its in kept],
    )
    forms.add_subjects(connection, [forms.Naming(item.appeal_id, item.marked) for item in good if item.marked])
    return own


def _ended(item: Keep, row: Mapping[str, Any]) -> Event:
    detail = {name: row[name] for name in ("key", "kind", "code", "attempts", "runs")}
    for name, column in (("asked", "asked_at"), ("ended", "ended_at"), ("next", "next_attempt_at")):
        if row[column] is not None:
            detail[name] = to_number(row[column])
    if row["fact"] is not None:
        detail["fact"] = row["fact"].hex()
    if item.state.record is None and item.state.provenance is not None:
        detail["trail"] = _trail(item.state.provenance)
    if item.state.question:
        detail["question"] = item.state.question
    if item.state.tries:
        detail["tries"] = codec.tries_to_json(item.state)
    return Event(EventType.ENDED, item.appeal_id, item.by or by_worker(item.owner), row["lookup"], detail)


def _trail(provenance: Provenance) -> Mapping[str, str]:
    """Return what only the log keeps of an answer without a record, once its document is gone."""
    trail = {"connector": provenance.connector, "plugin": provenance.plugin, "version": provenance.plugin_version}
    if provenance.raw_sha256 is not None:
        trail["reply"] = provenance.raw_sha256
    return trail


@dataclass(frozen=True, slots=True)
class Anew:
    """A question after its replies were read again."""

    state: LookupState
    source: str
    was: tuple[str, datetime]
    """What its lookup was called when it ended, and when that was, as far as whoever read it again knows."""
    differs: Sequence[str]
    """Where its record differs, by paths alone; which paths are known now; as what it ended, where that is another."""


@dataclass(frozen=True, slots=True)
class Reread(Write[int | None]):
    """Questions whose replies were read again; their appeal is worked at once.

    It returns how many are written, without those asked since; None if there is no such appeal. Raises JournalError
    and changes nothing: `in_work` while a worker has the appeal, `held` while it is held.
    """

    appeal_id: int
    states: Sequence[Anew]
    reason: str
    what: EventType = EventType.REREAD
    """Or a record was withdrawn."""
    operation: str = ""
    """Of which operation of the bus it is a part; empty: of none."""
    at: datetime = NOW
    by: str = ACTOR
    marks: Sequence[Sequence[Marked]] = filled(
        lambda journal, item: [marked_in(journal.key, anew.state) for anew in item.states]
    )
    """Whom their records name."""


@Reread.each
def reread(connection: Connection, item: Reread) -> int | JournalError | None:
    columns = (appeal.c.id, appeal.c.number, appeal.c.deaths, appeal.c.state, appeal.c.lease_until)
    locked = select(*columns).where(appeal.c.id == item.appeal_id).with_for_update(key_share=True)
    row = connection.execute(locked).first()
    if row is None:
        return None
    refusal = not_free(connection, row, item.at, item.by)
    if refusal is not None:
        return refusal
    stands = select(lookup.c.lookup, lookup.c.key, lookup.c.ended_at).where(lookup.c.appeal_id == item.appeal_id)
    ended = {(row.lookup, row.key): row.ended_at for row in connection.execute(stands)}
    good = [
        (anew, marked)
        for anew, marked in zip(item.states, item.marks, strict=True)
        if ended.get((anew.was[0], anew.state.key)) == anew.was[1]
    ]
    if good:
        keep(
            connection,
            [
                Keep(item.appeal_id, anew.state, by=item.by, replaces=True, marked=marked, now=item.at)
                for anew, marked in good
            ],
        )
        ready = update(appeal).where(appeal.c.id == item.appeal_id)
        connection.execute(ready.values(state=suspects.WAITING, due_at=None, lease_owner=None, lease_until=None))
        events.note(connection, [_noted(item, anew) for anew, _ in good])
    return len(good)


def _noted(item: Reread, anew: Anew) -> Event:
    detail = {"lookup": anew.state.lookup, "key": anew.state.key, "differs": list(anew.differs), "reason": item.reason}
    detail |= {"operation": item.operation} if item.operation else {}
    return Event(item.what, item.appeal_id, item.by, anew.source, detail)
