"""Limits on sources that hold over all workers: each reports what it has and wants, and gets its share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, select, text

from appealbus.core.domain.limits import BreakerNews, Need, Probe, Report, Share, Standing
from appealbus.core.journal import bulk
from appealbus.core.journal.shares import Division, Holding
from appealbus.core.journal.tables import source_limit, source_share
from appealbus.core.journal.writes.clock import shared_now

_RENEW = timedelta(seconds=2)
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
    _lock(connection)
    for item in items:
        connection.execute(delete(source_share).where(source_share.c.worker == item.worker))
    return [None] * len(items)


def share(connection: Connection, items: Sequence[Reports]) -> list[list[Standing]]:
    """Take reports and return how each source stands for the worker."""
    now = _lock(connection)
    return [_Exchange(connection, item, now).run() for item in items]


def _lock(connection: Connection) -> datetime:
    """Be the only one at the limits until the transaction ends; return the time by the database's clock."""
    if connection.dialect.name != "sqlite":  # its transactions follow one another
        connection.execute(_LOCK)
    return shared_now(connection)


@dataclass(slots=True)
class _Limit:
    """A row of `source_limit`."""

    source: str
    tokens: float
    filled_at: datetime
    failures: int = 0
    era: int = 1
    open_until: datetime | None = None
    probe_owner: str | None = None
    probe_until: datetime | None = None

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


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

    def run(self) -> list[Standing]:
        names = {"sources": [report.source for report in self.reports]}
        self.limits = {row.source: _Limit(**row._mapping) for row in self.connection.execute(_LIMITS, names)}
        self.shares: dict[tuple[str, str], dict[str, Holding]] = {}
        for row in self.connection.execute(_SHARES, names):
            workers = self.shares.setdefault((row.source, row.what), {})
            workers[row.worker] = Holding(row.wanted, row.held, row.since, row.until)
        standings = [self._source(report) for report in self.reports]
        gone = source_share.c.until <= self.now
        if self.dead:
            mine = and_(source_share.c.source.in_(names["sources"]), source_share.c.worker.in_(self.dead))
            self.connection.execute(delete(source_share).where(gone, mine))
        bulk.upsert(self.connection, source_limit, self.written_limits)
        bulk.upsert(self.connection, source_share, self.written_shares)
        return standings

    def _source(self, report: Report) -> Standing:
        limit = self.limits.get(report.source)
        if limit is None:
            limit = _Limit(report.source, float(report.parts.limit if report.parts else 0), self.now)
            before: dict[str, Any] | None = None
        else:
            before = limit.row()
        calls = self._share(report, _CALLS, report.calls)
        parts, tokens = None, 0.0
        if report.parts is not None:
            free = self._free_parts(report)
            parts = self._share(report, _PARTS, report.parts)
            tokens = self._pour(limit, report, free, self._free_parts(report), parts)
        _judge(limit, self.me, report, self.now)
        if limit.row() != before:
            self.written_limits.append(limit.row())
        until = self.shares[report.source, _CALLS][self.me].until
        return Standing(
            calls=calls,
            parts=parts,
            tokens=tokens,
            era=limit.era,
            failures=limit.failures,
            opens_in=None if limit.open_until is None else (limit.open_until - self.now).total_seconds(),
            probe=_probe(limit, self.me, self.now),
            lease=(until - self.now).total_seconds(),
        )

    def _free_parts(self, report: Report) -> int:
        held = sum(each.held for each in self.shares.get((report.source, _PARTS), {}).values())
        return max(0, report.parts.limit - held) if report.parts else 0

    def _share(self, report: Report, what: str, need: Need) -> Share:
        holdings = self.shares.setdefault((report.source, what), {})
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
            self.written_shares.append(
                {
                    "source": report.source,
                    "what": what,
                    "worker": self.me,
                    "wanted": mine.wanted,
                    "held": mine.held,
                    "since": mine.since,
                    "until": mine.until,
                }
            )
        return share

    def _pour(self, limit: _Limit, report: Report, free: int, left: int, share: Share) -> float:
        """Fill the `free` parts that nobody held till now, and return the tokens that go with what the worker gains.

        Each token is at one place: in a part that a worker holds, or in one of the `left` that nobody holds from now
        on. So no window has more than its tokens.
        """
        if report.parts is None:
            return 0.0
        elapsed = max(0.0, (self.now - limit.filled_at).total_seconds())
        tokens = min(float(free), limit.tokens + elapsed * report.rate * free / report.parts.limit)
        tokens += 0.0 if share.anew else report.returned
        gained = share.usable - (0 if share.anew else report.parts.held)
        given = min(tokens, float(max(0, gained)))
        if free != left or report.returned or given:
            limit.tokens, limit.filled_at = min(float(left), tokens - given), self.now
        return given


def _judge(limit: _Limit, me: str, report: Report, now: datetime) -> None:
    """Let a worker's news change the breaker."""
    news: BreakerNews = report.news
    if news.era == limit.era:
        if limit.open_until is None:
            limit.failures = news.failures if news.succeeded else limit.failures + news.failures
            if limit.failures >= report.breaker_failures:
                _open(limit, now + timedelta(seconds=report.breaker_open))
        elif limit.probe_owner == me:
            if news.failures:
                _open(limit, now + timedelta(seconds=report.breaker_open))
            elif news.succeeded:
                _open(limit, None)
            elif news.dropped:
                limit.probe_owner = limit.probe_until = None
    may_probe = limit.open_until is not None and limit.open_until <= now and _probe(limit, me, now) is not Probe.OTHER
    if news.asks and may_probe:
        limit.probe_owner, limit.probe_until = me, now + timedelta(seconds=report.lease)


def _open(limit: _Limit, until: datetime | None) -> None:
    """Open the breaker, or close it."""
    limit.era += 1
    limit.failures = 0
    limit.open_until = until
    limit.probe_owner = limit.probe_until = None


def _probe(limit: _Limit, me: str, now: datetime) -> Probe:
    if limit.probe_owner is None or limit.probe_until is None or limit.probe_until <= now:
        return Probe.NOBODY
    return Probe.MINE if limit.probe_owner == me else Probe.OTHER
