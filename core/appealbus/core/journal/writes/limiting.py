"""Limits on sources that hold over all workers: each reports what it has and wants, and gets its share.

An exchange is one transaction for all sources of a worker, and one exchange follows the other. It reads the rows of
these sources, writes only what has changed, and takes four statements where nothing has.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, select, text

from appealbus.core.domain.limits import Grant, Need, Report, Share
from appealbus.core.journal import bulk
from appealbus.core.journal.limit_shares import Division, Holding
from appealbus.core.journal.tables import source_limit, source_share
from appealbus.core.journal.writes.clock import shared_now
from appealbus.core.journal.writes.source_limit import SourceLimit

_RENEW = timedelta(seconds=2)
"""So old a lease becomes before it is written anew: where nothing else changes, one write in two seconds is enough."""
_CALLS, _PARTS = "calls", "parts"

# One lock for all limits of a journal, which writes nothing.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('appealbus.limits'), hashtext(current_schema()))")
_SOURCES: BindParameter[list[str]] = bindparam("sources", expanding=True)
_LIMITS = select(source_limit).where(source_limit.c.source.in_(_SOURCES))
_SHARES = select(source_share).where(source_share.c.source.in_(_SOURCES))


@dataclass(frozen=True, slots=True)
class Reports:
    """A worker's reports on its sources."""

    worker: str
    reports: Sequence[Report]


@dataclass(frozen=True, slots=True)
class Leave:
    """The end of a worker: nothing of it is in flight any more."""

    worker: str


def leave(connection: Connection, items: Sequence[Leave]) -> list[None]:
    """Let others have what these workers held."""
    lock(connection)
    for item in items:
        connection.execute(delete(source_share).where(source_share.c.worker == item.worker))
    return [None] * len(items)


def share(connection: Connection, items: Sequence[Reports]) -> list[list[Grant]]:
    """Take reports and return what the worker may do with each source."""
    now = lock(connection)
    return [_Exchange(connection, item, now).run() for item in items]


def lock(connection: Connection) -> datetime:
    """Be the only one at the limits until the transaction ends; return the time by the database's clock."""
    if connection.dialect.name != "sqlite":  # its transactions follow one another
        connection.execute(_LOCK)
    return shared_now(connection)


class _Exchange:
    """One worker's exchange over all its sources."""

    def __init__(self, connection: Connection, item: Reports, now: datetime) -> None:
        self.connection = connection
        self.me = item.worker
        self.reports = item.reports
        self.now = now
        self.written_limits: list[dict[str, Any]] = []
        self.written_shares: list[dict[str, Any]] = []
        self.dead: set[str] = set()

    def run(self) -> list[Grant]:
        names = {"sources": [report.source for report in self.reports]}
        self.limits = {row.source: SourceLimit(**row._mapping) for row in self.connection.execute(_LIMITS, names)}
        self.holdings: dict[tuple[str, str], dict[str, Holding]] = {}
        for row in self.connection.execute(_SHARES, names):
            workers = self.holdings.setdefault((row.source, row.what), {})
            workers[row.worker] = Holding(row.wanted, row.held, row.since, row.until)
        grants = [self._grant(report) for report in self.reports]
        if self.dead:
            theirs = and_(source_share.c.source.in_(names["sources"]), source_share.c.worker.in_(self.dead))
            self.connection.execute(delete(source_share).where(theirs, source_share.c.until <= self.now))
        bulk.upsert(self.connection, source_limit, self.written_limits)
        bulk.upsert(self.connection, source_share, self.written_shares)
        return grants

    def _grant(self, report: Report) -> Grant:
        limit = self.limits.get(report.source)
        before = None if limit is None else limit.row()
        if limit is None:
            limit = SourceLimit(report.source, float(report.parts.limit if report.parts else 0), self.now)
        calls = self._share(report, _CALLS, report.calls)
        parts, tokens = None, 0.0
        if report.parts is not None:
            free = self._free_parts(report.source, report.parts)
            parts = self._share(report, _PARTS, report.parts)
            tokens = limit.pour(report, parts, free, self._free_parts(report.source, report.parts), self.now)
        limit.judge(self.me, report, self.now)
        if limit.row() != before:
            self.written_limits.append(limit.row())
        until = self.holdings[report.source, _CALLS][self.me].until
        return Grant(
            calls=calls,
            parts=parts,
            tokens=tokens,
            era=limit.era,
            failures=limit.failures,
            opens_in=None if limit.open_until is None else (limit.open_until - self.now).total_seconds(),
            probe=limit.probe(self.me, self.now),
            lease=(until - self.now).total_seconds(),
        )

    def _free_parts(self, source: str, need: Need) -> int:
        return max(0, need.limit - sum(each.held for each in self.holdings.get((source, _PARTS), {}).values()))

    def _share(self, report: Report, what: str, need: Need) -> Share:
        holdings = self.holdings.setdefault((report.source, what), {})
        for worker in [worker for worker, each in holdings.items() if each.until <= self.now]:
            self.dead.add(worker)
            del holdings[worker]
        lease = timedelta(seconds=report.lease)
        mine = holdings.get(self.me)
        before = None if mine is None else (mine.wanted, mine.held)
        if mine is not None and mine.until < self.now + lease - _RENEW:
            mine.until, before = self.now + lease, None
        share = Division(need.limit, timedelta(seconds=need.turn), self.now, lease, holdings).settle(self.me, need)
        mine = holdings[self.me]
        # What it wants is written each time only where others are there to read it.
        if before is None or before[1] != mine.held or (len(holdings) > 1 and before[0] != mine.wanted):
            self.written_shares.append({"source": report.source, "what": what, "worker": self.me, **asdict(mine)})
        return share
