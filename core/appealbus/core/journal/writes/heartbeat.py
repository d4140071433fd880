"""Who is alive, how sources stand there, and what one worker does for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, select

from appealbus.core.domain.source_state import SourceState
from appealbus.core.journal import bulk, codec
from appealbus.core.journal.rows import WorkerState
from appealbus.core.journal.tables import lease, source_state, worker
from appealbus.core.journal.writes.clock import shared_now


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of a worker, and how the sources stand there. It counts as alive for so many seconds."""

    state: WorkerState
    sources: Sequence[SourceState]
    seconds: float


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A wish to do something for all, for so many seconds."""

    name: str
    owner: str
    seconds: float


def beat(connection: Connection, items: Sequence[Beat]) -> list[None]:
    """Write down who is alive, and forget who is not."""
    now = shared_now(connection)
    for item in items:
        name = item.state.name
        until = now + timedelta(seconds=item.seconds)
        bulk.upsert(
            connection, worker, [{"name": name, "seen_until": until, "document": codec.WORKER.write(item.state)}]
        )
        sources = {state.source: codec.SOURCE.write(state) for state in item.sources}
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


def take_lease(connection: Connection, items: Sequence[LeaseRequest]) -> list[bool]:
    """Take what is free or held already by the one who wishes; say who has got it."""
    results = []
    now = shared_now(connection)
    for item in items:
        row = {"name": item.name, "owner": item.owner, "until": now + timedelta(seconds=item.seconds)}
        mine = (lease.c.owner == item.owner) | (lease.c.until <= now)
        results.append(bulk.take(connection, lease, row, mine))
    return results


def let_go(connection: Connection, items: Sequence[str]) -> list[None]:
    """Free all that owners hold."""
    connection.execute(delete(lease).where(lease.c.owner.in_(items)))
    return [None] * len(items)
