"""The journal itself, the sources and the workers, as they stand; and turns of messages that never ended."""

from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from appealbus.core.domain.source_state import SourceState
from appealbus.core.journal import codec, log
from appealbus.core.journal.mark import PLACE, Mark, Place
from appealbus.core.journal.rows import Heartbeat, JournalState, WorkerState
from appealbus.core.journal.source_totals import merged
from appealbus.core.journal.tables import lease, source_state, standing, suspect_message, worker
from appealbus.core.journal.writes.clock import shared_now

_SETTINGS = (
    "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),"
    " (SELECT count(*) FROM pg_stat_replication)"
)
_WORKERS = 1000
"""The most workers that are told of; those that have gone are forgotten with the next heartbeat of another."""


def how_it_stands(connection: Connection) -> JournalState:
    """Return which journal this is, its epoch, and what its clock is worth."""
    columns = [column for column in standing.columns if column.name not in ("id", "key_check")]
    return JournalState(**connection.execute(select(*columns)).one()._mapping)


def how_far(connection: Connection) -> Mark:
    """Return how far the journal is; of one in PostgreSQL also its place there, where the database tells."""
    now, head = how_it_stands(connection), log.head(connection)
    if connection.dialect.name == "sqlite":
        return Mark.of(now, head=head)
    try:
        return Mark.of(now, Place.of(connection.exec_driver_sql(PLACE).one()), head)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return Mark.of(now, head=head)


def what_may_be_lost(connection: Connection) -> list[str]:
    """Return what the database may lose of what it has confirmed by its settings, and the setting that avoids it."""
    if connection.dialect.name == "sqlite":
        return []
    commit, names, standbys = connection.exec_driver_sql(_SETTINGS).one()
    lost = "loses receipts of the last moments, up to a second unnoticed: set"
    found = []
    if commit == "off":
        found.append(f"journal: synchronous_commit is off: a crash or a promotion {lost} synchronous_commit = on")
    if standbys and (commit in ("off", "local") or not names):
        found.append(
            f"journal: a standby of the database is asynchronous: its promotion {lost} synchronous_commit = on and "
            "synchronous_standby_names, such as 'ANY 1 (*)'"
        )
    return found


def source_states(connection: Connection, now: datetime) -> list[SourceState]:
    """Return how the sources stand over the workers alive; where none is, how they stood."""
    query = select(source_state.c.document, worker.c.seen_until)
    rows = connection.execute(query.join(worker, worker.c.name == source_state.c.worker)).all()
    alive = [row for row in rows if row.seen_until > now]
    return merged(codec.SOURCE.read(row.document) for row in alive or rows)


def source_states_at_last(connection: Connection, now: datetime) -> list[SourceState]:
    """Return how each source stands over the workers alive that ask it; where none does, how it stood."""
    query = select(source_state.c.source, source_state.c.document, worker.c.seen_until)
    rows = connection.execute(query.join(worker, worker.c.name == source_state.c.worker, isouter=True)).all()
    asked = {row.source for row in rows if row.seen_until is not None and row.seen_until > now}
    return merged(
        codec.SOURCE.read(row.document)
        for row in rows
        if row.source not in asked or (row.seen_until is not None and row.seen_until > now)
    )


def workers(connection: Connection, now: datetime) -> list[WorkerState]:
    """Return the workers alive."""
    query = select(worker.c.document).where(worker.c.seen_until > now).order_by(worker.c.name)
    return [codec.WORKER.read(raw) for raw in connection.execute(query).scalars()]


def last_heartbeat(connection: Connection) -> datetime | None:
    """Return until when the newest heartbeat counts; None where nobody is alive."""
    alive = worker.c.seen_until > shared_now(connection)
    found: datetime | None = connection.scalar(select(func.max(worker.c.seen_until)).where(alive))
    return found


def heartbeats(connection: Connection) -> list[Heartbeat]:
    """Return the processes that work this journal, or did until they fell silent, each with its last heartbeat."""
    held: dict[str, list[str]] = {}
    now = shared_now(connection)
    for row in connection.execute(select(lease).where(lease.c.until > now).order_by(lease.c.name)):
        held.setdefault(row.owner, []).append(row.name)
    query = select(worker).order_by(worker.c.seen_until.desc(), worker.c.name).limit(_WORKERS)
    return [
        Heartbeat(codec.WORKER.read(row.document), row.seen_until, row.seen_until > now, tuple(held.get(row.name, ())))
        for row in connection.execute(query)
    ]


def turns(connection: Connection, mark: str) -> int:
    """Return how many turns of a message have begun and never ended."""
    return connection.scalar(select(suspect_message.c.turns).where(suspect_message.c.mark == mark)) or 0
