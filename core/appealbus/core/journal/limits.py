"""Limits on sources that hold over all workers: each reports what it has and wants, and gets its share.

An exchange is one transaction for all sources of a worker, and one exchange follows the other. It reads the rows of
these sources, writes only what has changed, and takes four statements where nothing has.

A place passes on in two steps. First its holder is told that it may use less; then, once it has said that it uses
less, the place is free and another one is told that it may use more. In between nobody uses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Connection,
    Float,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    select,
    text,
)

from appealbus.core.domain.limits import Grant, Need, Probe, Report, Share
from appealbus.core.journal.clock import shared_now
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import Write

source_limit = Table(
    "source_limit",
    metadata,
    Column("source", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("filled_at", Moment, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("era", BigInteger, nullable=False),
    Column("open_until", Moment),
    Column("probe_owner", Text),
    Column("probe_until", Moment),
    Column("back_at", Moment),
)
"""What all workers together may ask of a source: tokens of its rate, failures in a row, its breaker.

`back_at` is when it last came back: its breaker closed, a pause or a closed window ended, a quota began anew. What is
parked for it since before then is due.
"""

source_share = Table(
    "source_share",
    metadata,
    Column("source", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)
"""What each worker may have of a source: how many `calls` in flight, how many `parts` of its rate."""


_READY_PART = 8
"""An eighth of a limit stands ready with those who want nothing: a first call seldom needs more, and the busy hardly
miss it. Below eight for each worker it is nothing."""
_SILENT = timedelta(seconds=4)
"""Who has not renewed its lease for so long is dead or cut off: an idle worker does after three seconds at the latest,
and a second is left for an exchange that is slow."""


@dataclass(slots=True)
class Holding:
    wanted: int
    held: int
    since: datetime
    """When it began to hold something, or to hold nothing."""
    until: datetime
    """When its lease ends."""


@dataclass(slots=True)
class Division:
    limit: int
    turn: timedelta
    now: datetime
    lease: timedelta
    holdings: dict[str, Holding] = field(default_factory=dict)

    def settle(self, me: str, need: Need) -> Share:
        """Take a worker's need into account and return its share.

        What it may use is never more than what the others do not hold. What it holds is never less than what it may
        use by now and what it uses still.
        """
        mine = self.holdings.get(me)
        is_new = mine is None
        if mine is None:
            mine = self.holdings[me] = Holding(0, 0, self.now, self.now + self.lease)
        others = [name for name in self.holdings if name != me]
        mine.wanted = need.wanted
        targets = self.targets()
        free = self.limit - sum(self.holdings[name].held for name in others)
        usable = max(0, min(targets[me], free))
        held = max(usable, need.used if is_new else max(need.held, need.used))
        if (held > 0) != (mine.held > 0):
            mine.since = self.now
        mine.held = held
        lacking = any(self.holdings[name].held < targets[name] for name in others)
        return Share(
            usable=usable,
            counted=held,
            more_to_come=need.wanted > 0 and (usable < targets[me] or not usable),
            others_wait=lacking and held > targets[me],
            is_new=is_new,
        )

    def targets(self) -> dict[str, int]:
        """Return what each worker should have; together that is never more than the limit.

        Who has not been heard of for a while gets nothing more; what it holds is free once its lease ends, and till
        then the others divide the rest: or one of them would have it all, and who came for the dead one nothing.
        """
        heard = {
            name: holding for name, holding in self.holdings.items() if holding.until > self.now + self.lease - _SILENT
        }
        left = max(0, self.limit - sum(holding.held for name, holding in self.holdings.items() if name not in heard))
        wanting = sum(holding.wanted > 0 for holding in heard.values())
        rank = self._by_turn if wanting > left else _by_possession
        wants = {name: heard[name].wanted for name in sorted(heard, key=lambda name: rank(name, heard[name]))}
        return dict.fromkeys(self.holdings, 0) | divide(left, wants)

    def _by_turn(self, name: str, holding: Holding) -> tuple[int, datetime, str]:
        """Rank: turns under way, then who has had nothing for longest, then those whose turn has ended."""
        if not holding.held:
            return 1, holding.since, name
        return 0 if self.now - holding.since < self.turn else 2, holding.since, name


def _by_possession(name: str, holding: Holding) -> tuple[int, str]:
    """Rank who has most first, so that a remainder stays where it is."""
    return -holding.held, name


def divide(limit: int, wants: Mapping[str, int]) -> dict[str, int]:
    """Divide a limit so that nobody could have more of what it wants without one that has less having less still.

    What nobody wants stands ready in equal parts, and so does up to an eighth of the limit with those who want
    nothing now: their first call need not wait. Where it does not come out even, the first ones have one more.
    """
    if not wants:
        return {}
    ready = limit // (_READY_PART * len(wants))
    least = {name: max(wanted, ready) for name, wanted in wants.items()}
    shares = dict.fromkeys(wants, 0)
    left = limit
    while left and (lacking := [name for name in wants if shares[name] < least[name]]):
        equal, more = divmod(left, len(lacking))
        for place, name in enumerate(lacking):
            part = min(equal + (not equal and place < more), least[name] - shares[name])
            shares[name] += part
            left -= part
    equal, more = divmod(left, len(wants))
    return {name: share + equal + (place < more) for place, (name, share) in enumerate(shares.items())}


@dataclass(slots=True)
class SourceLimit:
    source: str
    tokens: float
    filled_at: datetime
    failures: int = 0
    era: int = 1
    open_until: datetime | None = None
    probe_owner: str | None = None
    probe_until: datetime | None = None
    back_at: datetime | None = None

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def judge(self, worker: str, report: Report, now: datetime) -> None:
        """Apply a worker's news to the breaker; let it probe if it asks and nobody does."""
        news = report.news
        if news.era == self.era:
            if self.open_until is None:
                self.failures = news.failures if news.succeeded else self.failures + news.failures
                if self.failures >= report.breaker_failures:
                    self._become(now + timedelta(seconds=report.breaker_open))
            elif self.probe_owner == worker:
                if news.failures:
                    self._become(now + timedelta(seconds=report.breaker_open))
                elif news.succeeded:
                    self._become(None)
                    self.back_at = now
                elif news.dropped:
                    self.probe_owner = self.probe_until = None
        due = self.open_until is not None and self.open_until <= now
        if news.asks and due and self.probe(worker, now) is not Probe.OTHER:
            self.probe_owner, self.probe_until = worker, now + timedelta(seconds=report.lease)

    def probe(self, worker: str, now: datetime) -> Probe:
        """Return who probes, as the worker sees it. A dead prober counts until its lease ends."""
        if self.probe_owner is None or self.probe_until is None or self.probe_until <= now:
            return Probe.NOBODY
        return Probe.MINE if self.probe_owner == worker else Probe.OTHER

    def _become(self, open_until: datetime | None) -> None:
        self.era += 1
        self.failures = 0
        self.open_until = open_until
        self.probe_owner = self.probe_until = None

    def pour(self, report: Report, share: Share, free: int, left: int, now: datetime) -> float:
        """Fill the `free` parts that nobody held till now, and return the tokens that go with what the worker gains.

        Each token is at one place: in a part that a worker holds, or in one of the `left` that nobody holds from now
        on. So no window has more than its tokens.
        """
        if report.parts is None:
            return 0.0
        held, returned = (0, 0.0) if share.is_new else (report.parts.held, report.returned)
        elapsed = max(0.0, (now - self.filled_at).total_seconds())
        tokens = min(float(free), self.tokens + elapsed * report.rate * free / report.parts.limit) + returned
        given = min(tokens, float(max(0, share.usable - held)))
        if free != left or report.returned or given:
            self.tokens, self.filled_at = min(float(left), tokens - given), now
        return given


_RENEW = timedelta(seconds=2)
"""So old a lease becomes before it is written anew: where nothing else changes, one write in two seconds is enough."""
_CALLS, _PARTS = "calls", "parts"

# One lock for all limits of a journal, which writes nothing.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('appealbus.limits'), hashtext(current_schema()))")
_SOURCES: BindParameter[list[str]] = bindparam("sources", expanding=True)
_LIMITS = select(source_limit).where(source_limit.c.source.in_(_SOURCES))
_SHARES = select(source_share).where(source_share.c.source.in_(_SOURCES))


@dataclass(frozen=True, slots=True)
class Reports(Write[list[Grant]]):
    """A worker's reports on its sources; it returns what the worker may use until its lease ends."""

    lane = "limits"
    worker: str
    reports: Sequence[Report]


@dataclass(frozen=True, slots=True)
class Leave(Write[None]):
    """The shares of a worker that has nothing in flight are free."""

    lane = "limits"
    worker: str


@Leave.batch
def leave(connection: Connection, items: Sequence[Leave]) -> list[None]:
    lock(connection)
    for item in items:
        connection.execute(delete(source_share).where(source_share.c.worker == item.worker))
    return [None] * len(items)


@Reports.batch
def share(connection: Connection, items: Sequence[Reports]) -> list[list[Grant]]:
    now = lock(connection)
    return [_Exchange(connection, item, now).run() for item in items]


def lock(connection: Connection) -> datetime:
    """Lock all limits until the transaction ends; return the time by the database's clock."""
    if connection.dialect.name != "sqlite":  # its transactions follow one another
        connection.execute(_LOCK)
    return shared_now(connection)


class _Exchange:
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
        return max(0, need.limit - sum(holding.held for holding in self.holdings.get((source, _PARTS), {}).values()))

    def _share(self, report: Report, what: str, need: Need) -> Share:
        holdings = self.holdings.setdefault((report.source, what), {})
        for worker in [worker for worker, holding in holdings.items() if holding.until <= self.now]:
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
