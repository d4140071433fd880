"""What the journal is asked about kept replies."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from appealbus.core.domain.replies import ReplyRow
from appealbus.core.journal.tables import reply, unindexed


@dataclass(frozen=True, slots=True)
class Place:
    """A place among the kept replies of a source, which are in the order in which they came."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Span:
    """Replies of a source that came between two moments."""

    source: str
    since: datetime
    upto: datetime


_ROW = [column for column in reply.columns if column.name != "until"]


def replies(connection: Connection, appeal_id: int) -> list[ReplyRow]:
    """Return the replies that are kept for an appeal's questions, the newest first."""
    query = select(*_ROW).where(reply.c.appeal_id == appeal_id).order_by(reply.c.id.desc())
    return [ReplyRow(**row._mapping) for row in connection.execute(query)]


def newest_with_replies(
    connection: Connection, source: str, before: Place | None, limit: int
) -> list[tuple[int, Place]]:
    """Return a page of a source's replies, the newest first: each one's appeal, which may come again, and its place.

    The page begins before the place `before`.
    """
    query = select(reply.c.appeal_id, reply.c.at, reply.c.id).where(reply.c.source == source)
    if before is not None:
        query = query.where(reply.c.at <= before.at, or_(reply.c.at < before.at, reply.c.id < before.id))
    rows = connection.execute(query.order_by(reply.c.at.desc(), reply.c.id.desc()).limit(limit))
    return [(row.appeal_id, Place(row.at, row.id)) for row in rows]


def appeals_with_replies(
    connection: Connection, span: Span, after: Place | None, limit: int
) -> list[tuple[int, Place]]:
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
    return [(row.appeal_id, Place(row.at, row.id)) for row in rows]
