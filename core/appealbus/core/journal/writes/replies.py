"""Replies that are kept as they came, each under its question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, select

from appealbus.core.domain.case import LookupState
from appealbus.core.domain.event import Event, What
from appealbus.core.domain.replies import KeptReplies
from appealbus.core.journal import bulk, events
from appealbus.core.journal.tables import reply, to_number
from appealbus.core.journal.writes.one_by_one import one_by_one
from appealbus.schemas.base import printable

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
    """What came for a question, and when it goes."""

    appeal_id: int
    state: LookupState
    replies: KeptReplies
    until: datetime


def keep(connection: Connection, items: Sequence[Kept]) -> None:
    """Keep replies, of each question the newest ones."""
    room: dict[int, int] = {}
    items = [item for item in items if len(item.replies.packed) <= _SMALL or _has_room(connection, item, room)]
    rows = [
        {
            "appeal_id": item.appeal_id,
            "lookup": item.state.lookup,
            "key": item.state.key,
            "source": item.replies.source,
            "question_id": item.replies.question_id,
            "at": item.replies.at,
            "until": item.until,
            "head": printable(item.replies.head),
            "packed": item.replies.packed,
        }
        for item in items
    ]
    bulk.insert(connection, reply, rows)
    for item in items:
        if item.state.runs > _EACH:
            _drop_older(connection, item)


@dataclass(frozen=True, slots=True)
class Old:
    """Replies whose time is over, and of these sources what came before a moment."""

    now: datetime
    sources: Mapping[str, datetime]
    by: str


@one_by_one
def prune(connection: Connection, item: Old) -> int:
    """Delete old replies, a batch; return how many."""
    for old in old_replies(item.now, item.sources):
        some = select(reply.c.id).where(old).limit(_BATCH)
        count = connection.execute(delete(reply).where(reply.c.id.in_(some))).rowcount
        if count:
            detail = {"table": "reply", "upto": to_number(item.now), "count": count}
            events.note(connection, [Event(What.PRUNED, None, item.by, detail=detail)])
            return count
    return 0


def old_replies(now: datetime, sources: Mapping[str, datetime]) -> list[ColumnElement[bool]]:
    """Return conditions for what is old: what its own time is over of, and by source what came before a moment."""
    return [reply.c.until < now, *((reply.c.source == name) & (reply.c.at < at) for name, at in sources.items())]


def _has_room(connection: Connection, item: Kept, room: dict[int, int]) -> bool:
    """Say whether its appeal may have so much more; `room` is what the appeals of this group still may have."""
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
