"""Figures: how much of what there is, by state and by week, and how fast things happen.

What is unfinished is counted by the indexes that hold nothing else. What has no index of its own, such as the calls of
a source, is read from the newest part of the log, or from the newest appeals, up to a bound.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, Row, bindparam, func, or_, select, type_coerce, union_all

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.core.domain.counts import Counts, QuarantineHeld, Warned, WeekCount, WeekCounts, WeekPart
from appealbus.core.domain.event import EventType
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.spans import SPAN, Pace, PastCall, PastCalls, PastHandover, PastHandovers
from appealbus.core.journal import codec, feed, log
from appealbus.core.journal.changes.changes import change
from appealbus.core.journal.changes.waiting_changes import waiting_by_channel
from appealbus.core.journal.clock import shared_now
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.log import READ, newest
from appealbus.core.journal.quarantine import QUARANTINED, quarantine
from appealbus.core.journal.tables import (
    ALONE,
    HELD,
    IN_WORK,
    LACKS,
    MARKS,
    MISDATED,
    PARKED,
    READY,
    SUSPECT,
    UNASSESSED,
    WAITS,
    appeal,
    counter,
    document,
    dossier,
    outbox,
    standing,
)
from appealbus.core.packing import unpack
from appealbus.schemas.notes import UNKNOWN

_LACKING = select(appeal.c.lacks, func.count().label("number")).where(LACKS).group_by(appeal.c.lacks)
_UNSENT = (
    select(outbox.c.receiver, func.count().label("unsent"), func.min(outbox.c.id).label("oldest"))
    .where(WAITS)
    .group_by(outbox.c.receiver)
)
_ALONE = select(outbox.c.receiver, func.count().label("alone")).where(ALONE).group_by(outbox.c.receiver)
_MADE = (
    select(outbox.c.receiver, dossier.c.created_at)
    .join(dossier, (dossier.c.appeal_id == outbox.c.appeal_id) & (dossier.c.version == outbox.c.version))
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
)

_QUARANTINED = (
    select(
        quarantine.c.channel,
        func.count().label("messages"),
        func.sum(func.length(quarantine.c.raw)).label("bytes"),
        func.min(quarantine.c.at).label("oldest"),
    )
    .where(QUARANTINED)
    .group_by(quarantine.c.channel)
)

# `id + 0`: SQLite would else look for the smallest id among all appeals, not in the state's index. One statement, so
# that what goes from one state into the next meanwhile is seen once, on PostgreSQL too.
_UNFINISHED = union_all(
    *(
        select(state.label("state"), func.count().label("number"), func.min(appeal.c.id + 0).label("oldest")).where(
            appeal.c.state == state
        )
        for state in (READY, IN_WORK, PARKED, SUSPECT, HELD)
    )
)
_REFUSED = select(func.count()).where(change.c.appeal_id.is_(None), change.c.refused.is_not(None))


def counts(connection: Connection) -> Counts:
    """Return how much the journal holds. Costs what is unfinished, not what has ever been."""
    one = connection.scalar
    by_state = {row.state: row for row in connection.execute(_UNFINISHED)}
    number = {state: row.number for state, row in by_state.items()}
    oldest = [row.oldest for state, row in by_state.items() if row.oldest is not None and state != AppealState.HELD]
    ever = {row.name: row.value for row in connection.execute(select(counter.c.name, counter.c.value))}
    kept = connection.execute(_QUARANTINED)
    held = {row.channel: QuarantineHeld(row.messages, int(row.bytes), row.oldest) for row in kept}
    waiting = connection.execute(_UNSENT).all()
    made = connection.execute(_MADE, {"ids": [row.oldest for row in waiting]}) if waiting else ()
    waiting_changes = waiting_by_channel(connection, ever)
    lacks = _lacking(connection)
    unplaced, oldest_unplaced = log.unplaced(connection)
    return Counts(
        ready=number[AppealState.READY],
        in_work=number[AppealState.IN_WORK],
        parked=number[AppealState.PARKED],
        suspect=number[AppealState.SUSPECT],
        held=number[AppealState.HELD],
        idle=ever.get("appeal", 0) - ever.get("pruned", 0) - sum(number.values()),
        quarantine=sum(channel.messages for channel in held.values()),
        outbox={row.receiver: row.unsent for row in waiting},
        oldest_unfinished=one(select(appeal.c.accepted_at).where(appeal.c.id == min(oldest))) if oldest else None,
        oldest_undelivered={row.receiver: row.created_at for row in made},
        quarantined=held,
        lacking={name: count for name, count in lacks.items() if not name.startswith(MARKS)},
        unassessed={name.removeprefix(UNASSESSED): n for name, n in lacks.items() if name.startswith(UNASSESSED)},
        misdated=lacks.get(MISDATED, 0),
        alone={row.receiver: row.alone for row in connection.execute(_ALONE)},
        waiting_changes=waiting_changes.total(),
        refused_changes=one(_REFUSED) or 0,
        waiting_by_channel=dict(sorted((+waiting_changes).items())),
        log_position=log.head(connection),
        log_unplaced=unplaced,
        oldest_unplaced=oldest_unplaced,
        feed_readers=tuple(feed.readers(connection)),
    )


def _lacking(connection: Connection) -> dict[str, int]:
    lacking: Counter[str] = Counter()
    for row in connection.execute(_LACKING):
        lacking.update(dict.fromkeys(codec.names_from(row.lacks), row.number))
    return dict(sorted(lacking.items()))


def next_due(connection: Connection) -> datetime | None:
    due: datetime | None = connection.scalar(select(func.min(appeal.c.due_at)).where(appeal.c.state == PARKED))
    return due


_FIRST = datetime(1970, 1, 5, tzinfo=KAZAKHSTAN)
"""A Monday, from which weeks are counted."""
_WEEK = timedelta(weeks=1) // timedelta(microseconds=1)
_NUMBER = (type_coerce(appeal.c.accepted_at, BigInteger) - to_number(_FIRST)) // _WEEK
_BY_WEEK = (
    select(
        _NUMBER.label("week"),
        appeal.c.category,
        appeal.c.place,
        func.count().label("appeals"),
        func.min(appeal.c.id).label("first_id"),
        func.max(appeal.c.id).label("last_id"),
    )
    .group_by(_NUMBER, appeal.c.category, appeal.c.place)
    .order_by(_NUMBER, appeal.c.category, appeal.c.place)
)


def week_counts(connection: Connection, after: int = 0, most: int = 50000) -> WeekCounts:
    """Count at most so many appeals behind an id by week, category and place; go on from `upto`."""
    epoch = connection.scalars(select(standing.c.epoch)).one()
    # Each alone: SQLite finds the least or the largest id at once, and both together by reading all.
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    if last <= after:
        return WeekCounts((), after, last, epoch)
    first = connection.scalars(select(func.min(appeal.c.id)).where(appeal.c.id > after)).one()
    upto = min(first - 1 + most, last)
    rows = connection.execute(_BY_WEEK.where(appeal.c.id > after, appeal.c.id <= upto))
    return WeekCounts(tuple(map(_count, rows)), upto, last, epoch)


def appeals_of_week(connection: Connection, part: WeekPart, limit: int = 100) -> list[AppealRow]:
    begins = datetime(part.monday.year, part.monday.month, part.monday.day, tzinfo=KAZAKHSTAN)
    query = select(*appeal.columns).where(appeal.c.id.between(part.first_id, part.last_id))
    query = query.where(appeal.c.accepted_at >= begins, appeal.c.accepted_at < begins + timedelta(weeks=1))
    if part.category is not None:
        query = query.where(appeal.c.category == part.category)
    if part.places:
        query = query.where(appeal.c.place.startswith(part.places, autoescape=True))
    rows = connection.execute(query.order_by(appeal.c.id.desc()).limit(limit))
    return [codec.appeal_from_row(row) for row in rows]


def _count(row: Row[Any]) -> WeekCount:
    monday = day_of(_FIRST + timedelta(weeks=row.week))
    return WeekCount(monday, row.category, row.place, row.appeals, row.first_id, row.last_id)


WARNED = 300
"""Appeals that are looked at: some 10 ms."""
_LARGEST = 64 * 1024
"""Bytes of one: a hundred times as long as letters are."""
_WITH_BODY = select(*appeal.columns, document.c.body).join(
    document, (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)
)


def newest_with_warnings(connection: Connection) -> list[tuple[AppealRow, list[Any]]]:
    """Return the newest appeals of all channels with their warnings as JSON, without very large ones."""
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    query = _WITH_BODY.where(appeal.c.id > last - WARNED, appeal.c.size <= _LARGEST).order_by(appeal.c.id.desc())
    rows: Any = connection.execute(query)
    return [(codec.appeal_from_row(row), _warnings(row)) for row in rows]


def warned(connection: Connection) -> list[Warned]:
    of: Counter[str] = Counter()
    numbers: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row, warnings in newest_with_warnings(connection):
        of[row.channel] += 1
        for code in {warning["code"] for warning in warnings}:
            numbers[row.channel, code].append(row.number)
    return [Warned(*key, len(those), of[key[0]], tuple(those[:3])) for key, those in sorted(numbers.items())]


def unread(connection: Connection, channel: str, after: int, limit: int) -> tuple[list[AppealRow], int | None]:
    """Return those of the next appeals of a channel with something unread, and the last id looked at."""
    query = _WITH_BODY.where(appeal.c.channel == channel, appeal.c.id > after).order_by(appeal.c.id).limit(limit)
    appeals: list[AppealRow] = []
    last = None
    rows: Any = connection.execute(query)
    for row in rows:
        last = row.id
        if any(warning["code"] in UNKNOWN for warning in _warnings(row)):
            appeals.append(codec.appeal_from_row(row))
    return appeals, last


def _warnings(row: Any) -> list[Any]:
    try:
        text = unpack(row.body)
        return orjson.loads(text).get("warnings") or [] if b'"warnings"' in text else []
    except ValueError:  # damaged: whoever reads the appeal is told
        return []


def past_calls(connection: Connection, lookups: Collection[str], most: int = READ) -> PastCalls:
    """Return the calls of these lookups in the newest part of the log, some thousand appeals back."""
    part = newest(connection, most)
    query = select(log_entry.c.about, log_entry.c.detail).where(
        log_entry.c.position > part.after,
        log_entry.c.what == EventType.ENDED.value,
        log_entry.c.about.in_(sorted(lookups)),
    )
    calls = [call for row in connection.execute(query.order_by(log_entry.c.position)) for call in _calls(row.detail)]
    return PastCalls(part.since, part.whole, calls)


def _calls(raw: bytes | None) -> Iterator[PastCall]:
    """Yield the attempts of a question, without what a later release writes differently."""
    detail = orjson.loads(raw) if raw else {}
    for attempt in detail.get("tries", ()):
        if isinstance(attempt, dict) and isinstance(attempt.get("at"), int) and isinstance(attempt.get("ms"), int):
            kind, code = attempt.get("kind", detail.get("kind", "")), attempt.get("code", detail.get("code", ""))
            yield PastCall(datetime.fromtimestamp(attempt["at"] / 1e6, UTC), str(kind), str(code), attempt["ms"])


_ATTEMPTED = 2_000
"""Attempts that are told of: of each version that was delivered it is looked up when it was made."""
_ATTEMPTS = (
    select(*(log_entry.c[name] for name in ("at", "what", "appeal_id", "detail")))
    .where(
        log_entry.c.position > bindparam("after"),
        log_entry.c.about == bindparam("receiver"),
        or_(*(log_entry.c.what == what.value for what in (EventType.DELIVERED, EventType.FAILED, EventType.SET_ASIDE))),
    )
    .order_by(log_entry.c.position.desc())
    .limit(bindparam("most"))
)
_CREATED = select(dossier.c.appeal_id, dossier.c.version, dossier.c.created_at).where(
    direct.among(dossier.c.appeal_id, "ids")
)


def past_handovers(connection: Connection, receiver: str, most: int = READ) -> PastHandovers:
    """Return the attempts for a receiver in the newest part of the log."""
    part = newest(connection, most)
    given = {"after": part.after, "receiver": receiver, "most": _ATTEMPTED}
    (rows,) = direct.ask(connection, (_ATTEMPTS, given))
    rows.reverse()
    details = [orjson.loads(row.detail) if row.detail else {} for row in rows]
    made = _made(connection, rows)
    attempts = []
    for row, detail in zip(rows, details, strict=True):
        begun = made.get((row.appeal_id, detail.get("version"))) if row.what == EventType.DELIVERED else None
        waited = None if begun is None else max(0, int((row.at - begun).total_seconds()))
        attempts.append(PastHandover(row.at, row.what, str(detail.get("code", "")), waited))
    if len(rows) == _ATTEMPTED:
        return PastHandovers(rows[0].at, False, attempts)
    return PastHandovers(part.since, part.whole, attempts)


def _made(connection: Connection, rows: Sequence[Any]) -> dict[tuple[int, int], datetime]:
    ids = [row.appeal_id for row in rows if row.what == EventType.DELIVERED and row.appeal_id is not None]
    (versions,) = direct.ask(connection, (_CREATED, {"ids": sorted(set(ids))}))
    return {(row.appeal_id, row.version): row.created_at for row in versions}


PACED = 10_000
"""Entries that are looked at: five minutes of three appeals a second; where more happens, it is a shorter time."""


def pace(connection: Connection, most: int = PACED) -> Pace:
    """Return how fast things happen, by the log of the last five minutes and at most so many entries."""
    now = shared_now(connection)
    part = newest(connection, most)
    if part.since is None:
        return Pace(now - SPAN, now)
    since = now - SPAN if part.whole else max(now - SPAN, part.since)
    mine = (log_entry.c.position > part.after) & (log_entry.c.at >= since)
    query = select(log_entry.c.what, func.count().label("number")).where(mine).group_by(log_entry.c.what)
    return Pace(since, now, {row.what: row.number for row in connection.execute(query)})
