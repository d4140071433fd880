"""What the log is asked: pages from a cursor on, and all that happened to one appeal."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal, null, select

from appealbus.core.domain.event import Cursor, LogEntry, LogFilter, LogPage
from appealbus.core.journal.errors import CursorAhead, CursorPruned, CursorUndone, UnknownEpoch
from appealbus.core.journal.events import COUNTER, LAST, epoch, log_entry, log_unplaced
from appealbus.core.journal.tables import appeal, counter

READ = 20_000
"""Entries that are looked at for what no index tells: some two thousand appeals, in some tens of milliseconds."""
_WINDOW = 10_000
"""Positions that one page looks through for what is wanted: a filter that nothing fulfils must not read millions."""
_COUNTED = 100_000
"""Entries without a position that are counted: where no worker runs there may be millions."""
_UNPLACED = 1000
"""The most entries of an appeal without a position that are shown: the sequencer is a second behind, or is stopped."""
_FIRST = select(func.min(log_entry.c.position))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Positions that one page looks at: behind `after`, up to `upto`. `end` is the end of the log."""

    after: int
    upto: int
    end: Cursor


def page(
    connection: Connection,
    after: Cursor | None = None,
    limit: int = 100,
    *,
    what: Collection[str] = (),
    number: str | None = None,
    about: str | None = None,
    actor: str | None = None,
) -> LogPage:
    """Return a page of the log, in the order of positions; of what is wanted, if that is said.

    Go on from its `next` until its `lag` is 0: a page may be short, or empty, before. Whoever keeps the cursor
    together with what has become of the page misses nothing and sees nothing twice.

    Args:
        connection: to the journal.
        after: a cursor; None: from the beginning of what is kept.
        limit: the most entries.
        what: only what is one of these, as `delivered`.
        number: only what happened to the appeal with this number.
        about: only what is about this lookup, receiver, channel or source.
        actor: only what this one did, as `person:aigul`.

    Raises:
        CursorRefused: nobody can go on from the cursor without missing anything; it says where to start again.

    """
    wanted = LogFilter(what, number, about, actor)
    limit = max(1, limit)
    where = stretch(connection, after, max(_WINDOW, limit))
    position, end = where.after, where.end
    appeal_id = None if wanted.number is None else _appeal_id(connection, wanted.number)
    if wanted.number is not None and appeal_id is None:
        return LogPage((), end, end)
    # Those of one appeal have an index of their own.
    upto = end.position if appeal_id is not None else where.upto
    query = placed_entries().where(log_entry.c.position > position, log_entry.c.position <= upto, *_conditions(wanted))
    if appeal_id is not None:
        query = query.where(log_entry.c.appeal_id == appeal_id)
    rows = connection.execute(query.order_by(log_entry.c.position).limit(limit)).all()
    reached = rows[-1].position if len(rows) == limit else upto
    return LogPage([entry_of(row, row.number) for row in rows], Cursor(end.epoch, reached), end)


def stretch(connection: Connection, after: Cursor | None, size: int = _WINDOW) -> Stretch:
    """Return the next stretch of the log from a cursor, or from its beginning. Raises CursorRefused."""
    last = head(connection)
    began = {row.epoch: row.after for row in connection.execute(select(epoch))}
    end, first = Cursor(max(began), last), _first(connection, last)
    position = first if after is None else _position(after, began, first, end)
    return Stretch(position, min(last, position + size), end)


def history(connection: Connection, number: str, after: int = 0, limit: int = 100) -> list[LogEntry]:
    """Return a page of all that happened to one appeal, oldest first. Page by the position of the last one.

    At the end of the last page stands what has no position yet, which on PostgreSQL comes a moment later.
    """
    appeal_id = _appeal_id(connection, number)
    if appeal_id is None:
        return []
    placed = placed_entries().where(log_entry.c.appeal_id == appeal_id, log_entry.c.position > after)
    entries = [
        entry_of(row, row.number) for row in connection.execute(placed.order_by(log_entry.c.position).limit(limit))
    ]
    if len(entries) < limit and connection.dialect.name != "sqlite":
        columns = [column for column in log_unplaced.columns if column.name != "id"]
        waiting = select(null().label("position"), *columns, literal(number).label("number"))
        waiting = waiting.where(log_unplaced.c.appeal_id == appeal_id).order_by(log_unplaced.c.id).limit(_UNPLACED)
        entries += [entry_of(row, row.number) for row in connection.execute(waiting)]
    return entries


def head(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        return connection.scalar(LAST) or 0
    return connection.scalar(select(counter.c.value).where(counter.c.name == COUNTER)) or 0


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest part of the log: entries behind `after`, the first at `since`; None if there is none."""

    after: int
    since: datetime | None
    whole: bool
    """Whether it is all of the log."""


def newest(connection: Connection, most: int = READ) -> Newest:
    """Return the beginning of the newest part of the log, at most so many entries."""
    after = head(connection) - most
    first = select(log_entry.c.at).where(log_entry.c.position > after).order_by(log_entry.c.position).limit(1)
    older = select(log_entry.c.position).where(log_entry.c.position <= after).limit(1)
    return Newest(after, connection.scalar(first), connection.scalar(older) is None)


def unplaced(connection: Connection) -> tuple[int, datetime | None]:
    """Return how many entries have no position yet, up to a bound, and the time of the oldest."""
    if connection.dialect.name == "sqlite":
        return 0, None
    some = select(log_unplaced.c.at).order_by(log_unplaced.c.id).limit(_COUNTED).subquery()
    row = connection.execute(select(func.count().label("number"), func.min(some.c.at).label("oldest"))).one()
    return row.number, row.oldest


def _first(connection: Connection, last: int) -> int:
    first: int | None = connection.scalar(_FIRST)
    return last if first is None else first - 1


def _position(after: Cursor, began: dict[int, int], first: int, end: Cursor) -> int:
    if after.epoch not in began:
        # It came from a copy made in some epoch before: up to where the newest of these began all have read the same.
        known = [position for number, position in began.items() if number < after.epoch]
        raise UnknownEpoch(Cursor(end.epoch, max(first, max(known, default=0))))
    ends = min((position for number, position in began.items() if number > after.epoch), default=None)
    if ends is not None and after.position > ends:
        raise CursorUndone(Cursor(end.epoch, max(first, ends)))
    if after.position > end.position:
        raise CursorAhead(end)
    if after.position < first:
        raise CursorPruned(Cursor(end.epoch, first))
    return after.position


def placed_entries() -> Select[Any]:
    return select(log_entry, appeal.c.number).outerjoin(appeal, appeal.c.id == log_entry.c.appeal_id)


def _conditions(wanted: LogFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.what:
        conditions.append(log_entry.c.what.in_(sorted(wanted.what)))
    if wanted.about is not None:
        conditions.append(log_entry.c.about == wanted.about)
    if wanted.actor is not None:
        conditions.append(log_entry.c.actor == wanted.actor)
    return conditions


def _appeal_id(connection: Connection, number: str) -> int | None:
    return connection.scalar(select(appeal.c.id).where(appeal.c.number == number))


def entry_of(row: Row[Any], number: str | None) -> LogEntry:
    return LogEntry(
        row.position,
        row.at,
        row.what,
        row.appeal_id,
        number,
        row.actor,
        row.about,
        _whole(orjson.loads(row.detail)) if row.detail else {},
    )


def _whole(detail: dict[str, Any]) -> dict[str, Any]:
    """Return a detail whose attempts have again what they leave out as equal to the question's end."""
    tries = detail.get("tries")
    if isinstance(tries, list):  # a later version may write something else there
        same = {name: detail[name] for name in ("question", "kind", "code") if name in detail}
        detail["tries"] = [{**same, **attempt} for attempt in tries if isinstance(attempt, dict)]
    return detail
