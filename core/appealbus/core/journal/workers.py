"""Processes that work the journal: who is alive, how sources stand there, and which lookups any of them could ask."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import TypeVar

import orjson
from sqlalchemy import Column, Connection, LargeBinary, Table, Text, delete, func, select

from appealbus.core.domain.known import InputPaths, KnownLookup
from appealbus.core.domain.reread_pass import Readings
from appealbus.core.domain.source_state import Drift, SourceState
from appealbus.core.domain.usual import Usual
from appealbus.core.interfaces.link import LinkState
from appealbus.core.journal.clock import shared_now
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.direct import single
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import Write
from appealbus.schemas.stored import Stored
from appealbus.schemas.upcasting import upcast

A = TypeVar("A", Drift, Usual)

worker = Table(
    "worker",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_until", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
"""The processes that work this journal. One that is not seen any more is dead, or cut off."""

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Moment, nullable=False),
)
"""What one worker does for all: the relay to a receiver, the retention."""

source_state = Table(
    "source_state",
    metadata,
    Column("source", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("document", LargeBinary, nullable=False),
)


known_lookup = Table(
    "known_lookup",
    metadata,
    Column("plugin", Text, primary_key=True),
    Column("lookup", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("detail", LargeBinary, nullable=False),
)
"""Lookups that could once be asked, and plugins that were once loaded (`lookup` is empty): what is gone is missed."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A process that works the journal, as it last wrote it."""

    name: str
    host: str
    pid: int
    started_at: datetime
    in_flight: int = 0
    """Appeals that it works now."""
    dossiers: int = 0
    """Versions that it has written since its start."""
    links: tuple[LinkState, ...] = ()
    """Its connections that stay open."""
    version: str = ""
    """Of the bus that it runs; empty: of one that did not say so."""
    readings: Mapping[str, Readings] | None = None
    """By source with what its replies are read; None: it does not say so."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker, and how long it counts as alive.

    Attributes:
        worker: as it last wrote it down.
        until: when it is taken for dead unless it is heard of again.
        alive: whether that is still to come, by the journal's clock.
        leases: what it alone does for all workers now.

    """

    worker: WorkerState
    until: datetime
    alive: bool
    leases: tuple[str, ...] = ()


SOURCE: Stored[SourceState] = Stored(SourceState, partial(upcast, "source"))
"""How a source stands, as JSON."""
WORKER: Stored[WorkerState] = Stored(WorkerState, partial(upcast, "worker"))
"""What a worker tells of itself, as JSON."""


_NEVER = datetime.min.replace(tzinfo=UTC)
_WORST_FIRST = ("open", "half_open", "closed")


def merged(states: Iterable[SourceState]) -> list[SourceState]:
    by_name = sorted(states, key=lambda state: state.source)
    return [_one(list(of_one)) for _, of_one in groupby(by_name, key=lambda state: state.source)]


def _one(states: list[SourceState]) -> SourceState:
    newest = max(states, key=lambda state: state.last_error_at or _NEVER)
    latest = max(states, key=lambda state: state.at or _NEVER)
    return SourceState(
        source=newest.source,
        connector=newest.connector,
        breaker=min((state.breaker for state in states), key=_WORST_FIRST.index),
        in_flight=sum(state.in_flight for state in states),
        waiting=sum(state.waiting for state in states),
        rate=sum(state.rate for state in states),
        outcomes=_counted(state.outcomes for state in states),
        unread=_counted(state.unread for state in states),
        unreadable=_counted(state.unreadable for state in states),
        differences=_counted(state.differences for state in states),
        drifts=_added(state.drifts for state in states),
        usual=_added(state.usual for state in states),
        certificates=tuple(dict.fromkeys(certificate for state in states for certificate in state.certificates)),
        p50=max((state.p50 for state in states if state.p50 is not None), default=None),
        p95=max((state.p95 for state in states if state.p95 is not None), default=None),
        last_error=newest.last_error,
        last_error_at=newest.last_error_at,
        at=latest.at,
        paused_until=latest.paused_until,
        closed_until=latest.closed_until,
        quota_left=latest.quota_left,
    )


def _counted(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def _added(parts: Iterable[Mapping[str, A]]) -> dict[str, A]:
    sums: dict[str, A] = {}
    for part in parts:
        for name, value in part.items():
            sums[name] = sums[name] + value if name in sums else value
    return sums


@dataclass(frozen=True, slots=True)
class Beat(Write[None]):
    """A worker is alive for so many seconds, with the state of its sources; the dead are forgotten."""

    state: WorkerState
    sources: Sequence[SourceState]
    seconds: float


@dataclass(frozen=True, slots=True)
class LeaseRequest(Write[bool]):
    """To be the one who does something for all, for so many seconds from now; False while another one is.

    Held again before the time is over it goes on.
    """

    name: str
    owner: str
    seconds: float


@Beat.batch
def beat(connection: Connection, items: Sequence[Beat]) -> list[None]:
    now = shared_now(connection)
    for item in items:
        name = item.state.name
        until = now + timedelta(seconds=item.seconds)
        bulk.upsert(connection, worker, [{"name": name, "seen_until": until, "document": WORKER.write(item.state)}])
        sources = {state.source: SOURCE.write(state) for state in item.sources}
        rows = [{"source": source, "worker": name, "document": sources[source]} for source in sorted(sources)]
        bulk.upsert(connection, source_state, rows)
        dead = select(worker.c.name).where(worker.c.seen_until < now, worker.c.name != name)
        names = list(connection.execute(dead.with_for_update(skip_locked=True)).scalars())
        if names:
            connection.execute(delete(worker).where(worker.c.name.in_(names)))
        # What was learned of another source stays for the next worker that asks it.
        gone = source_state.c.worker.not_in(select(worker.c.name))
        connection.execute(delete(source_state).where(gone, source_state.c.source.in_(sources)))
    return [None] * len(items)


@LeaseRequest.batch
def take_lease(connection: Connection, items: Sequence[LeaseRequest]) -> list[bool]:
    results = []
    now = shared_now(connection)
    for item in items:
        row = {"name": item.name, "owner": item.owner, "until": now + timedelta(seconds=item.seconds)}
        mine = (lease.c.owner == item.owner) | (lease.c.until <= now)
        results.append(bulk.take(connection, lease, row, mine))
    return results


@dataclass(frozen=True, slots=True)
class LetGo(Write[None]):
    owner: str


@LetGo.batch
def let_go(connection: Connection, items: Sequence[LetGo]) -> list[None]:
    connection.execute(delete(lease).where(lease.c.owner.in_([item.owner for item in items])))
    return [None] * len(items)


@dataclass(frozen=True, slots=True)
class Remember(Write[list[KnownLookup]]):
    """Lookups that can be asked here; it returns all that ever could, on any worker."""

    lookups: Sequence[KnownLookup]


@Remember.batch
def remember(connection: Connection, items: Sequence[Remember]) -> list[list[KnownLookup]]:
    """Write what can be asked here; return all that is known. Nothing is ever forgotten."""
    rows = [
        {"plugin": lookup.plugin, "lookup": lookup.lookup, "version": lookup.version, "detail": _detail(lookup)}
        for item in items
        for lookup in item.lookups
    ]
    bulk.upsert(connection, known_lookup, rows)
    return [known(connection)] * len(items)


def known(connection: Connection) -> list[KnownLookup]:
    """Return the lookups that could ever be asked here, and the plugins ever loaded."""
    query = select(known_lookup).order_by(known_lookup.c.lookup, known_lookup.c.plugin)
    return [_known(row.plugin, row.lookup, row.version, row.detail) for row in connection.execute(query)]


def _detail(lookup: KnownLookup) -> bytes:
    inputs = [[given.union, list(given.paths)] for given in lookup.inputs]
    return orjson.dumps({"inputs": inputs, "formerly": lookup.formerly})


def _known(plugin: str, lookup: str, version: str, detail: bytes) -> KnownLookup:
    kept = orjson.loads(detail)
    inputs = tuple(InputPaths(bool(union), tuple(paths)) for union, paths in kept["inputs"])
    return KnownLookup(plugin, lookup, version, inputs, tuple(kept["formerly"]))


_WORKERS = 1000
"""The most workers that are told of; those that have gone are forgotten with the next heartbeat of another."""


def source_states(connection: Connection) -> list[SourceState]:
    """Return the state of sources over live workers; without any, the last state."""
    now = shared_now(connection)
    query = select(source_state.c.document, worker.c.seen_until)
    rows = connection.execute(query.join(worker, worker.c.name == source_state.c.worker)).all()
    alive = [row for row in rows if row.seen_until > now]
    return merged(SOURCE.read(row.document) for row in alive or rows)


def source_states_at_last(connection: Connection) -> list[SourceState]:
    """Return the state of each source over live workers that ask it; else its last state."""
    now = shared_now(connection)
    query = select(source_state.c.source, source_state.c.document, worker.c.seen_until)
    rows = connection.execute(query.join(worker, worker.c.name == source_state.c.worker, isouter=True)).all()
    asked = {row.source for row in rows if row.seen_until is not None and row.seen_until > now}
    return merged(
        SOURCE.read(row.document)
        for row in rows
        if row.source not in asked or (row.seen_until is not None and row.seen_until > now)
    )


def workers(connection: Connection) -> list[WorkerState]:
    query = select(worker.c.document).where(worker.c.seen_until > shared_now(connection)).order_by(worker.c.name)
    return [WORKER.read(raw) for raw in connection.execute(query).scalars()]


@single
def last_heartbeat(connection: Connection) -> datetime | None:
    """Return until when the newest heartbeat counts; None if nobody is alive."""
    alive = worker.c.seen_until > shared_now(connection)
    newest: datetime | None = connection.scalar(select(func.max(worker.c.seen_until)).where(alive))
    return newest


def heartbeats(connection: Connection) -> list[Heartbeat]:
    """Return workers, also silent ones, each with its last heartbeat."""
    held: dict[str, list[str]] = {}
    now = shared_now(connection)
    for row in connection.execute(select(lease).where(lease.c.until > now).order_by(lease.c.name)):
        held.setdefault(row.owner, []).append(row.name)
    query = select(worker).order_by(worker.c.seen_until.desc(), worker.c.name).limit(_WORKERS)
    return [
        Heartbeat(WORKER.read(row.document), row.seen_until, row.seen_until > now, tuple(held.get(row.name, ())))
        for row in connection.execute(query)
    ]
