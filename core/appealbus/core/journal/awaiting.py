"""Questions whose answers come later: written down before they leave, answered hours later, read by their lookup."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    ForeignKey,
    LargeBinary,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    select,
    update,
)

from appealbus.core.domain.access import AwaitedRow
from appealbus.core.domain.case import KeptAnswer, KeptReplies, LookupState
from appealbus.core.domain.event import Event, EventType
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.interfaces.wire import SingleUse
from appealbus.core.journal import events, keeping
from appealbus.core.journal.access import access, access_to_row, asked_event
from appealbus.core.journal.appeals.suspects import WAITING
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.key import Marked
from appealbus.core.journal.tables import Id, appeal, lookup, metadata
from appealbus.core.journal.writes import ACTOR, NOW, WALL, Posted, Write, filled
from appealbus.schemas.outcome import OutcomeKind

awaited = Table(
    "awaited",
    metadata,
    Column("correlation_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("appeal_id", Id, ForeignKey("appeal.id"), nullable=False, index=True),
    Column("lookup", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("head", Text),
    Column("answer", LargeBinary),
)
"""Questions whose answer comes hours later, by itself; the answer stays here until its lookup has read it."""

used_answer = Table(
    "used_answer",
    metadata,
    Column("key", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("until", Moment, nullable=False, index=True),
)
"""Signed answers that have counted, and for which message of ours, for as long as their date would let them again."""


_ID = re.compile(r"[!-~]{1,100}", re.ASCII)
_STILL_NOTED = timedelta(days=1)
"""For so long a used answer is noted beyond the time that its date would let it count again: a worker whose clock goes
wrong must not take it anew before that is seen."""
_OUTSTANDING = 10
"""Questions put one after the other for one lookup and key whose answers still count; those to older ones are dropped.
With less, an agency that is slower than the retries would never be heard; with more, the table grows for longer."""


@dataclass(frozen=True, slots=True)
class Expecting(Write[None]):
    """A row of the access log, and that its answer comes later."""

    row: AwaitedRow
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Answered(Write[Kept]):
    """An answer to keep until its lookup has read it; its appeal is worked next."""

    source: str
    answer: Answer
    at: datetime = WALL
    by: str = ACTOR


@dataclass(frozen=True, slots=True)
class Read(Posted[None]):
    """How a question stands after the answer to `question_id` was read; that answer goes in the same step."""

    appeal_id: int
    state: LookupState
    question_id: str
    owner: str | None = None
    replies: KeptReplies | None = None
    marked: Sequence[Marked] = filled(lambda journal, item: keeping.marked_in(journal.key, item.state))
    """Whom its record names."""
    now: datetime = NOW


@Expecting.batch
def expect(connection: Connection, asking: Sequence[Expecting]) -> list[None]:
    items = [expected.row for expected in asking]
    bulk.insert(connection, access, [access_to_row(item.access) for item in items])
    events.note(connection, [asked_event(expected.row.access, expected.by) for expected in asking])
    rows = [
        {
            "correlation_id": item.access.question_id,
            "source": item.access.source,
            "appeal_id": item.appeal_id,
            "lookup": item.access.lookup,
            "key": item.key,
            "sent_at": item.access.at,
        }
        for item in items
    ]
    bulk.insert(connection, awaited, rows)
    for item in items:
        _drop_older(connection, item)
    return [None] * len(items)


def _drop_older(connection: Connection, item: AwaitedRow) -> None:
    mine = (awaited.c.appeal_id == item.appeal_id, awaited.c.lookup == item.access.lookup, awaited.c.key == item.key)
    newest_first = select(awaited.c.correlation_id).where(*mine).order_by(awaited.c.sent_at.desc())
    older = connection.execute(newest_first).scalars().all()[_OUTSTANDING:]
    if older:
        connection.execute(delete(awaited).where(awaited.c.correlation_id.in_(older)))


_OPEN = (
    awaited.c.correlation_id,
    awaited.c.source,
    awaited.c.appeal_id,
    awaited.c.answered_at,
    lookup.c.kind,
    lookup.c.next_attempt_at,
)
_theirs = and_(
    lookup.c.appeal_id == awaited.c.appeal_id, lookup.c.lookup == awaited.c.lookup, lookup.c.key == awaited.c.key
)
_FINAL = frozenset(kind.value for kind in OutcomeKind if kind.final)
_ANSWER = (
    update(awaited)
    .where(awaited.c.correlation_id == bindparam("this"))
    .values(answered_at=bindparam("at"), head=bindparam("h"), answer=bindparam("a"))
)


@Answered.batch
def answered(connection: Connection, items: Sequence[Answered]) -> list[Kept]:
    """Keep answers and make their appeals ready: at once if parked or idle, else when their run ends."""
    # Others are no ids of ours; and not every text can be stored.
    ids = [item.answer.question_id for item in items if _ID.fullmatch(item.answer.question_id)]
    # The appeals first, in order: `conclude` locks them too, so one of the two sees what the other has written.
    theirs = select(awaited.c.appeal_id).where(awaited.c.correlation_id.in_(ids))
    appeals = sorted(set(connection.execute(theirs).scalars()))
    if not appeals:
        return [Kept.UNKNOWN] * len(items)
    locked = select(appeal.c.id).where(appeal.c.id.in_(appeals)).order_by(appeal.c.id)
    connection.execute(locked.with_for_update(key_share=True)).all()
    asked = select(*_OPEN).outerjoin_from(awaited, lookup, _theirs).where(awaited.c.correlation_id.in_(ids))
    asked = asked.order_by(awaited.c.correlation_id).with_for_update(of=awaited)
    open_ = {row.correlation_id: row for row in connection.execute(asked)}
    late = [row.correlation_id for row in open_.values() if _ended(row)]
    if late:
        # A worker that had lost the appeal asked once more. The question has ended for good: no answer is read now.
        connection.execute(delete(awaited).where(awaited.c.correlation_id.in_(late)))
    results: list[Kept] = []
    new: dict[str, dict[str, Any]] = {}
    stored: list[Answered] = []
    for item in items:
        answer = item.answer
        row = open_.get(answer.question_id)
        if row is None or row.source != item.source or _ended(row):
            results.append(Kept.UNKNOWN)
        elif row.answered_at is not None or answer.question_id in new:
            results.append(Kept.AGAIN)
        else:
            new[answer.question_id] = {"this": answer.question_id, "at": item.at, "h": answer.head, "a": answer.body}
            results.append(Kept.STORED)
            stored.append(item)
    if new:
        connection.execute(_ANSWER, list(new.values()))
        waiting = [open_[question_id].appeal_id for question_id in new]
        ready = update(appeal).where(appeal.c.id.in_(waiting), appeal.c.state.in_(("parked", "idle")))
        connection.execute(ready.values(state=WAITING, due_at=None))
        events.note(connection, [_came(item, open_[item.answer.question_id].appeal_id) for item in stored])
    return results


def _came(item: Answered, appeal_id: int) -> Event:
    return Event(EventType.ANSWERED, appeal_id, item.by, item.source, {"question": item.answer.question_id})


def _ended(row: Row[*tuple[Any, ...]]) -> bool:
    """Whether the question has ended for good and is not asked again, so that no answer is wanted."""
    return row.kind in _FINAL and row.next_attempt_at is None


@Read.batch
def keep_read(connection: Connection, items: Sequence[Read]) -> list[None]:
    """Write how questions stand; delete the answers read, or all of a question that has ended."""
    kept = [
        keeping.Keep(
            item.appeal_id, item.state, item.owner, item.replies, replaces=True, marked=item.marked, now=item.now
        )
        for item in items
    ]
    own = keeping.keep(connection, kept)
    # Where the state is not written, the answer stays for the worker that has the appeal now.
    for item in (item for item, is_own in zip(items, own, strict=True) if is_own):
        gone = delete(awaited)
        if item.state.kind.final and item.state.next_attempt_at is None:
            gone = gone.where(awaited.c.appeal_id == item.appeal_id, awaited.c.lookup == item.state.lookup)
            gone = gone.where(awaited.c.key == item.state.key)
        else:
            gone = gone.where(awaited.c.correlation_id == item.question_id)
        connection.execute(gone)
    return [None] * len(items)


ANSWERS = select(awaited.c.appeal_id, awaited.c.correlation_id).where(
    direct.among(awaited.c.appeal_id, "ids"), awaited.c.answered_at.is_not(None)
)
"""The answers that have come to questions of appeals."""


_FORGOTTEN = 1000
"""Rows of one transaction: they are small, and nobody else looks at those that go."""
_KEYS: BindParameter[list[str]] = bindparam("keys", expanding=True)
_USED = select(used_answer.c.key, used_answer.c.message_id).where(used_answer.c.key.in_(_KEYS))


@dataclass(frozen=True, slots=True)
class Use(Write[bool]):
    """A signed answer counts for a message of ours; False if it counted for another."""

    once: SingleUse
    message_id: str


@Use.batch
def use(connection: Connection, items: Sequence[Use]) -> list[bool]:
    """Note uses; return for each whether it is the answer's only one.

    The same use may be noted twice, as where a connection is lost over the first time.
    """
    rows = [{"key": item.once.key, "message_id": item.message_id, "until": item.once.until} for item in items]
    bulk.insert_new(connection, used_answer, rows)
    keys = direct.padded(list({item.once.key for item in items}))
    used = {row.key: row.message_id for row in connection.execute(_USED, {"keys": keys})}
    return [used.get(item.once.key) == item.message_id for item in items]


@dataclass(frozen=True, slots=True)
class ForgetUsed(Write[int]):
    now: datetime = NOW


@ForgetUsed.each
def forget_used(connection: Connection, item: ForgetUsed) -> int:
    """Delete a batch of uses whose answers are too old to count again; return how many."""
    old = (
        select(used_answer.c.key)
        .where(used_answer.c.until < item.now - _STILL_NOTED)
        .order_by(used_answer.c.until)
        .limit(_FORGOTTEN)
    )
    return connection.execute(delete(used_answer).where(used_answer.c.key.in_(old))).rowcount


def answers(connection: Connection, appeal_id: int) -> list[KeptAnswer]:
    """Return the answers that came for an appeal and that no lookup has read yet, in the order of arrival."""
    come = select(awaited).where(awaited.c.appeal_id == appeal_id, awaited.c.answered_at.is_not(None))
    answers = [
        KeptAnswer(row.correlation_id, row.lookup, row.key, row.sent_at, row.answered_at, row.head, row.answer)
        for row in connection.execute(come)
    ]
    return sorted(answers, key=lambda answer: answer.answered_at)
