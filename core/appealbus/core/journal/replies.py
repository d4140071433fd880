"""Replies that are kept as they came, each under its question, and how far the bus is with reading them again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
)

from appealbus.core.domain.case import KeptReplies, LookupState, ReplyRow
from appealbus.core.domain.event import Event, EventType
from appealbus.core.domain.reread_pass import RereadPass, Stage
from appealbus.core.journal import events
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.core.journal.tables import Id, counter, metadata, unindexed
from appealbus.core.journal.writes import ACTOR, NOW, Write

reply = Table(
    "reply",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appeal_id", Id, ForeignKey("appeal.id"), nullable=False),
    Column("lookup", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("question_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("head", Text, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""Replies as they came, compressed, each under its question, where a source's settings say to keep them."""
Index("ix_reply_appeal", reply.c.appeal_id, reply.c.lookup, reply.c.key)
Index("ix_reply_source", reply.c.source, reply.c.at)
Index("ix_reply_until", reply.c.until)


_BATCH = 100
"""Replies that go in one transaction: with more, who has something to write waits behind it."""
_EACH = 3
"""Times that a question was answered of which the replies stay. A source that is out of order for a week answers a
parked question fifty times; with less, the last answer that was of use may be gone."""
_SMALL = 64 * 1024
"""Bytes of replies that an appeal may have any number of: its questions are bounded, and most have a fraction."""
_OF_APPEAL = 32 * 1024 * 1024
"""Bytes of all replies to an appeal's questions beyond which no large ones are kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Replies to a question, and when they expire."""

    appeal_id: int
    state: LookupState
    replies: KeptReplies
    until: datetime


def keep(connection: Connection, items: Sequence[Kept]) -> None:
    """Keep replies, of each question only the newest."""
    room: dict[int, int] = {}
    items = [item for item in items if len(item.replies.packed) <= _SMALL or _has_room(connection, item, room)]
    rows = [
        bulk.row_of(reply, item.replies, **bulk.row_of(reply, item, lookup=item.state.lookup, key=item.state.key))
        for item in items
    ]
    bulk.insert(connection, reply, rows)
    for item in items:
        if item.state.runs > _EACH:
            _drop_older(connection, item)


@dataclass(frozen=True, slots=True)
class Old(Write[int]):
    """Replies to delete: expired ones, and by source those from before a moment."""

    sources: Mapping[str, datetime]
    now: datetime = NOW
    by: str = ACTOR


@Old.each
def prune(connection: Connection, item: Old) -> int:
    for old in old_replies(item.now, item.sources):
        some = select(reply.c.id).where(old).limit(_BATCH)
        count = connection.execute(delete(reply).where(reply.c.id.in_(some))).rowcount
        if count:
            detail = {"table": "reply", "upto": to_number(item.now), "count": count}
            events.note(connection, [Event(EventType.PRUNED, None, item.by, detail=detail)])
            return count
    return 0


def old_replies(now: datetime, sources: Mapping[str, datetime]) -> list[ColumnElement[bool]]:
    """Return the conditions for old replies: expired, or by source from before a moment."""
    return [reply.c.until < now, *((reply.c.source == name) & (reply.c.at < at) for name, at in sources.items())]


def _has_room(connection: Connection, item: Kept, room: dict[int, int]) -> bool:
    """Whether the appeal may keep so much more; `room` is what appeals of this group have left."""
    if item.appeal_id not in room:
        held = select(func.sum(func.length(reply.c.packed))).where(reply.c.appeal_id == item.appeal_id)
        room[item.appeal_id] = _OF_APPEAL - (connection.scalar(held) or 0)
    if len(item.replies.packed) > room[item.appeal_id]:
        return False
    room[item.appeal_id] -= len(item.replies.packed)
    return True


def _drop_older(connection: Connection, item: Kept) -> None:
    same = (reply.c.appeal_id == item.appeal_id, reply.c.lookup == item.state.lookup, reply.c.key == item.state.key)
    older = (
        connection.execute(select(reply.c.id).where(*same).order_by(reply.c.id.desc()).offset(_EACH)).scalars().all()
    )
    if older:
        connection.execute(delete(reply).where(reply.c.id.in_(older)))


@dataclass(frozen=True, slots=True)
class ReplyPosition:
    """A place among the kept replies of a source, in the order of arrival."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class ReplySpan:
    source: str
    since: datetime
    upto: datetime


_ROW = [column for column in reply.columns if column.name != "until"]


def replies(connection: Connection, appeal_id: int) -> list[ReplyRow]:
    query = select(*_ROW).where(reply.c.appeal_id == appeal_id).order_by(reply.c.id.desc())
    return [ReplyRow(**row._mapping) for row in connection.execute(query)]


def newest_with_replies(
    connection: Connection, source: str, before: ReplyPosition | None, limit: int
) -> list[tuple[int, ReplyPosition]]:
    """Return a page of a source's replies, the newest first: each one's appeal, which may come again, and its place.

    The page begins before the place `before`.
    """
    query = select(reply.c.appeal_id, reply.c.at, reply.c.id).where(reply.c.source == source)
    if before is not None:
        query = query.where(reply.c.at <= before.at, or_(reply.c.at < before.at, reply.c.id < before.id))
    rows = connection.execute(query.order_by(reply.c.at.desc(), reply.c.id.desc()).limit(limit))
    return [(row.appeal_id, ReplyPosition(row.at, row.id)) for row in rows]


def appeals_with_replies(
    connection: Connection, span: ReplySpan, after: ReplyPosition | None, limit: int
) -> list[tuple[int, ReplyPosition]]:
    """Return a page of the appeals of which such replies are kept, each once, at the place of its first one.

    The page begins behind the place `after`.
    """
    earlier = reply.alias()
    first = or_(earlier.c.at < reply.c.at, and_(earlier.c.at == reply.c.at, earlier.c.id < reply.c.id))
    of_source = unindexed(earlier.c.source) == span.source
    of_it = (earlier.c.appeal_id == reply.c.appeal_id, of_source, earlier.c.at >= span.since)
    told_before = select(earlier.c.id).where(*of_it, first).exists()
    query = select(reply.c.appeal_id, reply.c.at, reply.c.id).where(reply.c.source == span.source, ~told_before)
    query = query.where(reply.c.at >= (after.at if after else span.since), reply.c.at <= span.upto)
    if after is not None:
        query = query.where(or_(reply.c.at > after.at, reply.c.id > after.id))
    rows = connection.execute(query.order_by(reply.c.at, reply.c.id).limit(limit))
    return [(row.appeal_id, ReplyPosition(row.at, row.id)) for row in rows]


_BEGINNING = "reread/"
_READING = "="
"""Before what a source's replies are read with: no field of a pass begins so."""
_NUMBERS = tuple(field.name for field in fields(RereadPass) if field.name not in ("source", "readings"))


@dataclass(frozen=True, slots=True)
class Stands(Write[None]):
    """How far reading a source's kept replies again is, with its log entries."""

    now: RereadPass
    said: Sequence[Event] = ()


@Stands.each
def note_pass(connection: Connection, item: Stands) -> None:
    now = item.now
    numbers = {name: int(getattr(now, name)) for name in _NUMBERS}
    numbers |= {_READING + name: value for name, value in now.readings.items()}
    mine = f"{_BEGINNING}{now.source}/"
    rows = [{"name": mine + name, "value": value} for name, value in sorted(numbers.items())]
    gone = counter.c.name.startswith(mine, autoescape=True) & counter.c.name.not_in([row["name"] for row in rows])
    connection.execute(delete(counter).where(gone))
    bulk.upsert(connection, counter, rows)
    events.note(connection, item.said)


@dataclass(frozen=True, slots=True)
class LookedAt(Write[None]):
    source: str


@LookedAt.each
def looked_at(connection: Connection, item: LookedAt) -> None:
    """Note that a person has seen what a pass left, so that it is no longer reported."""
    for state in passes(connection):
        if state.source == item.source and state.is_undone:
            note_pass(connection, [Stands(replace(state, stage=Stage.OVER, left=0))])


def passes(connection: Connection) -> list[RereadPass]:
    rows = select(counter.c.name, counter.c.value).where(counter.c.name.startswith(_BEGINNING, autoescape=True))
    numbers_of: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(rows):
        source, _, name = row.name.removeprefix(_BEGINNING).rpartition("/")
        numbers_of[source][name] = row.value
    return [_pass(source, numbers) for source, numbers in sorted(numbers_of.items())]


def _pass(source: str, numbers: dict[str, int]) -> RereadPass:
    readings = {name.removeprefix(_READING): value for name, value in numbers.items() if name.startswith(_READING)}
    known = {name: numbers[name] for name in _NUMBERS if name in numbers}
    stage = known.pop("stage", 0)
    return RereadPass(source, readings, Stage(stage) if stage in set(Stage) else Stage.FAILED, **known)
