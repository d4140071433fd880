"""The feed: the versions that the log tells of, with what scopes go by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, bindparam, func, select

from appealbus.core.domain.event import Cursor, EventType, FeedEntry, FeedPage, FeedReader
from appealbus.core.journal import codec, log
from appealbus.core.journal.clients import feed_reader
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.events import epoch, log_entry
from appealbus.core.journal.tables import appeal, dossier, outbox
from appealbus.schemas.territory import within

log_ = structlog.get_logger(__name__)

_MOST = 1000
"""Versions that one page looks at: where few are wanted a page is short rather than slow."""
_TOLD = (
    select(*(log_entry.c[name] for name in ("position", "at", "appeal_id", "detail")))
    .where(
        log_entry.c.what == EventType.VERSION.value,
        log_entry.c.position > bindparam("after"),
        log_entry.c.position <= bindparam("upto"),
    )
    .order_by(log_entry.c.position)
    .limit(bindparam("most"))
)
_APPEALS = select(*(appeal.c[name] for name in ("id", "tag", "number", "kind", "place"))).where(
    direct.among(appeal.c.id, "ids")
)
_VERSIONS = select(*(dossier.c[name] for name in ("appeal_id", "version", "epoch", "completeness"))).where(
    direct.among(dossier.c.appeal_id, "ids"), direct.among(dossier.c.version, "numbers")
)


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Filters of the feed, all of which must hold; an empty one says nothing."""

    places: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    completeness: str | None = None

    def covers(self, place: str | None, kind: str | None) -> bool:
        return within(self.places, place) and (not self.kinds or kind in self.kinds)


_ALL = FeedFilter()


def page(
    connection: Connection,
    after: Cursor | None,
    limit: int,
    *,
    places: Collection[str] = (),
    kinds: Collection[str] = (),
    completeness: str | None = None,
) -> FeedPage:
    """Return a page of versions in the order of the log; of what is wanted, if that is said.

    Go on from its `next` until its `lag` is 0: a page may be short, or empty, before. A version that is not kept
    any more is passed over: a newer one follows.

    Args:
        connection: to the journal.
        after: a cursor; None: from the beginning of what is kept.
        limit: the most entries, at most a thousand.
        places: only of appeals in these territories by КАТО, each with all below it.
        kinds: only of appeals of these kinds.
        completeness: only versions that are so complete.

    Raises:
        CursorRefused: nobody can go on from the cursor without missing anything; it says where to start again.

    """
    wanted = FeedFilter(frozenset(places), frozenset(kinds), completeness)
    limit = max(1, min(limit, _MOST))
    stretch = log.stretch(connection, after)
    size = limit if wanted == _ALL else _MOST
    given = {"after": stretch.after, "upto": stretch.upto, "most": size}
    (rows,) = direct.ask(connection, (_TOLD, given))
    entries = _entries(connection, rows, wanted)
    reached = rows[-1].position if len(rows) == size else stretch.upto
    if len(entries) > limit:
        entries = entries[:limit]
        reached = entries[-1].position
    return FeedPage(entries, Cursor(stretch.end.epoch, reached), stretch.end)


def lacked(connection: Connection, receiver: str, after: Cursor | None) -> tuple[list[int], Cursor, bool]:
    """Return which of the next versions a receiver can still get, where to go on, and whether more follows."""
    part = page(connection, after, _MOST)
    has = newest_of(connection, receiver, [entry.appeal_id for entry in part.entries])
    positions = [entry.position for entry in part.entries if entry.version > has.get(entry.appeal_id, 0)]
    return positions, part.next, part.lag > 0


def newest_of(connection: Connection, receiver: str, ids: Collection[int]) -> dict[int, int]:
    mine = outbox.c.appeal_id.in_(sorted(set(ids))), outbox.c.receiver == receiver
    query = select(outbox.c.appeal_id, func.max(outbox.c.version)).where(*mine).group_by(outbox.c.appeal_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def at(connection: Connection, positions: Sequence[int]) -> list[FeedEntry]:
    """Return the versions of these log entries, without deleted ones."""
    query = select(log_entry).where(log_entry.c.position.in_(positions), log_entry.c.what == EventType.VERSION.value)
    return _entries(connection, connection.execute(query.order_by(log_entry.c.position)).all())


def readers(connection: Connection) -> list[FeedReader]:
    head = log.head(connection)
    began = {row.epoch: row.after for row in connection.execute(select(epoch))}
    rows = connection.execute(select(feed_reader).order_by(feed_reader.c.client))
    states = []
    for row in rows:
        # What it has read behind the place where a later epoch began has been undone.
        ends = [after for later, after in began.items() if later > row.epoch]
        lag = max(0, head - min([row.position, *ends]))
        states.append(FeedReader(row.client, Cursor(row.epoch, row.position), row.at, lag))
    return states


def _entries(connection: Connection, rows: Sequence[Any], wanted: FeedFilter = _ALL) -> list[FeedEntry]:
    """Return the versions of log entries, without deleted or unwanted ones."""
    ids = sorted({row.appeal_id for row in rows})
    (matches,) = direct.ask(connection, (_APPEALS, {"ids": ids}))
    appeals = {row.id: row for row in matches if wanted.covers(row.place, row.kind)}
    # Most of what is not wanted falls away here: of it nothing else is read.
    numbered = [(row, orjson.loads(row.detail)["version"]) for row in rows if row.appeal_id in appeals]
    numbers = sorted({version for _, version in numbered})
    (matches,) = direct.ask(connection, (_VERSIONS, {"ids": sorted(appeals), "numbers": numbers}))
    versions = {(row.appeal_id, row.version): row for row in matches}
    entries = []
    for row, number in numbered:
        its, version = appeals[row.appeal_id], versions.get((row.appeal_id, number))
        if version is None or wanted.completeness not in (None, version.completeness):
            continue
        public_id = codec.public_id_of(its)
        if not public_id:  # nobody could ask for it, and one that is damaged must not stop the others
            log_.error("journal.unreadable", appeal_id=its.id, error="tag")
            continue
        entries.append(
            FeedEntry(
                position=row.position,
                at=row.at,
                appeal_id=its.id,
                public_id=public_id,
                number=its.number,
                version=version.version,
                epoch=version.epoch,
                completeness=version.completeness,
                kind=its.kind,
                place=its.place,
            )
        )
    return entries
