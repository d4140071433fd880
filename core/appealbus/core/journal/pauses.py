"""Sources that stand still for a while: by a person's order, or because a quota of their calls is used up.

Each call is counted before it leaves, once for all workers; one that does not leave is given back. So there are never
more calls than the quota; one that a crash kept from leaving is lost. A period that has begun stays the one that is
counted until a later one begins: a clock that goes back gives no second quota.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from operator import itemgetter

from sqlalchemy import BigInteger, Column, Connection, Table, Text, delete, select, update

from appealbus.core.domain.event import BUS, Event, EventType, by_person
from appealbus.core.domain.pauses import Pause, QuotaAnswer, QuotaCall, QuotaUse, QuotaWish, SourceNews
from appealbus.core.journal import events
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.core.journal.limits import SourceLimit, lock, source_limit
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import NOW, Write
from appealbus.schemas.base import printable

source_pause = Table(
    "source_pause",
    metadata,
    Column("source", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
)
"""Sources that a person has stand still; nothing leaves for one before `until`."""

source_quota = Table(
    "source_quota",
    metadata,
    Column("source", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("begins", Moment, nullable=False),
    Column("used", BigInteger, nullable=False),
)
"""How many calls of a `day` or a `month` are taken, by all workers together; what `begins` later starts from 0."""


@dataclass(frozen=True, slots=True)
class Resuming(Write[bool]):
    """Resume a paused source and what waits for it; False if it is not paused."""

    lane = "limits"
    source: str
    by: str
    reason: str = ""
    at: datetime = NOW


@dataclass(frozen=True, slots=True)
class Back(Write[None]):
    """Sources can be asked again, so that what waits for them is due."""

    lane = "limits"
    sources: Sequence[str]
    at: datetime = NOW


@dataclass(frozen=True, slots=True)
class Pausing(Write[bool]):
    """A person's order, and the mark of the pause they saw in force: empty for none; None: any.

    False if another pause than the one seen is in force.
    """

    lane = "limits"
    pause: Pause
    seen: str | None = None


@Pausing.each
def pause(connection: Connection, wish: Pausing) -> bool:
    lock(connection)
    item = replace(wish.pause, reason=printable(wish.pause.reason), by=printable(wish.pause.by))
    if wish.seen is not None and wish.seen != _in_force(connection, item):
        return False
    row = {"source": item.source, "at": item.at, "until": item.until, "reason": item.reason, "by": item.by}
    bulk.upsert(connection, source_pause, [row])
    detail = {"until": to_number(item.until), "reason": item.reason}
    events.note(connection, [Event(EventType.PAUSED, None, by_person(item.by), item.source, detail)])
    return True


def _in_force(connection: Connection, order: Pause) -> str:
    row = connection.execute(select(source_pause).where(source_pause.c.source == order.source)).first()
    return Pause(**row._mapping).mark if row is not None and row.until > order.at else ""


@Resuming.each
def resume(connection: Connection, item: Resuming) -> bool:
    lock(connection)
    gone = connection.execute(delete(source_pause).where(source_pause.c.source == item.source)).rowcount
    if gone:
        _came_back(connection, item.source, item.at)
        reason = printable(item.reason)
        detail = {"reason": reason} if reason else {}
        events.note(connection, [Event(EventType.RESUMED, None, by_person(printable(item.by)), item.source, detail)])
    return gone > 0


@dataclass(frozen=True, slots=True)
class EndPauses(Write[list[str]]):
    """End pauses whose time is over; it returns their sources."""

    lane = "limits"
    now: datetime = NOW


@EndPauses.each
def end_pauses(connection: Connection, item: EndPauses) -> list[str]:
    lock(connection)
    now = item.now
    over = delete(source_pause).where(source_pause.c.until <= now).returning(source_pause.c.source)
    names = sorted(connection.execute(over).scalars())
    for name in names:
        _came_back(connection, name, now)
    events.note(connection, [Event(EventType.RESUMED, None, BUS, name) for name in names])
    return names


@Back.each
def came_back(connection: Connection, item: Back) -> None:
    lock(connection)
    for name in sorted(item.sources):
        _came_back(connection, name, item.at)


def _came_back(connection: Connection, source: str, at: datetime) -> None:
    back = update(source_limit).where(source_limit.c.source == source).values(back_at=at)
    if not connection.execute(back).rowcount:
        bulk.upsert(connection, source_limit, [SourceLimit(source, 0.0, at, back_at=at).row()])


Uses = dict[tuple[str, str], QuotaUse]


@dataclass(frozen=True, slots=True)
class TakeQuota(Write[QuotaAnswer]):
    """Take one call of a source's quotas."""

    lane = "limits"
    wish: QuotaWish


@TakeQuota.batch
def take(connection: Connection, items: Sequence[TakeQuota]) -> list[QuotaAnswer]:
    """Take a call for each wish, in order, while there are any."""
    lock(connection)
    sources = sorted({item.wish.source for item in items})
    rows = connection.execute(select(source_quota).where(source_quota.c.source.in_(sources)))
    before: Uses = {(row.source, row.period): QuotaUse(**row._mapping) for row in rows}
    now = dict(before)
    answers = [_take(now, item.wish) for item in items]
    changed = [use for key, use in now.items() if before.get(key) != use]
    bulk.upsert(connection, source_quota, [asdict(use) for use in changed])
    return answers


@dataclass(frozen=True, slots=True)
class ReturnQuota(Write[None]):
    """Give back a call that did not leave."""

    lane = "limits"
    call: QuotaCall


@ReturnQuota.batch
def give_back(connection: Connection, items: Sequence[ReturnQuota]) -> list[None]:
    """Return calls that did not leave, each in the periods in which it was counted."""
    lock(connection)
    table = source_quota
    for item in items:
        for period, begins in item.call.counted.items():
            mine = (table.c.source == item.call.source, table.c.period == period, table.c.begins == begins)
            connection.execute(update(table).where(*mine, table.c.used > 0).values(used=table.c.used - 1))
    return [None] * len(items)


def _take(uses: Uses, item: QuotaWish) -> QuotaAnswer:
    its = item.source
    mine = {period: period.use(its, uses.get((its, period.value)), item.now) for period in item.quota.most}
    refusals = [item.quota.refusal(period, use, item) for period, use in mine.items()]
    full = [(refusal.again_at, refusal) for refusal in refusals if refusal is not None and refusal.again_at is not None]
    if not full:
        for period, use in mine.items():
            taken = QuotaUse(use.source, use.period, use.begins, use.used + 1)
            mine[period] = uses[item.source, period.value] = taken
    left = {period.value: max(0, most - mine[period].used) for period, most in item.quota.most.items()}
    if full:
        return replace(max(full, key=itemgetter(0))[1], left=left)
    return QuotaAnswer(left=left, counted={period.value: use.begins for period, use in mine.items()})


def news(connection: Connection) -> SourceNews:
    pauses = {row.source: Pause(**row._mapping) for row in connection.execute(select(source_pause))}
    used = [QuotaUse(**row._mapping) for row in connection.execute(select(source_quota))]
    back = select(source_limit.c.source, source_limit.c.back_at).where(source_limit.c.back_at.is_not(None))
    return SourceNews(pauses, used, {row.source: row.back_at for row in connection.execute(back)})
