"""Which journal this is, its epoch and its clock: looked at each second, doubted, trusted again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from appealbus.core import clocks
from appealbus.core.domain.event import BUS, Event, EventType
from appealbus.core.journal import events, log, migration_lock
from appealbus.core.journal.clock import ClockReading, shared_now
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.direct import single
from appealbus.core.journal.events import epoch
from appealbus.core.journal.mark import PLACE, JournalState, Mark, WalPosition, keep_writers_out
from appealbus.core.journal.tables import counter, standing
from appealbus.core.journal.writes import ACTOR, Write, filled

_JUMP = 5.0
"""Seconds that a clock may jump while the bus runs. NTP slews what is less than a second, and never steps so far."""
_AHEAD = 2 * clocks.DAY
"""Seconds that the clock may be ahead of the journal at a start: a weekend without the bus."""
_BACK = 60.0
"""Seconds that it may be behind the journal at a start: time does not go back, but two machines differ by some."""
_STEADY = clocks.DAY
"""Seconds without a jump, seen by a running bus, after which the clock is trusted again."""
_GAP = 60.0
"""The most of these that one look counts: while nobody looks, nobody knows."""
_GIVEN = 100_000
"""Ids of quarantine that are passed over after a restore, as senders were told them: more than a day fills it with."""


@dataclass(frozen=True, slots=True)
class Restored(Write[JournalState]):
    """A restored journal, with the newest epoch and beat known of it."""

    epoch: int
    beat: int
    note: Callable[[JournalState], object] | None = None
    """Called before anybody sees the new epoch, while nobody else writes; what it raises undoes it."""
    by: str = ACTOR


def look(connection: Connection, items: Sequence[ClockReading | None]) -> list[ClockReading | None]:
    """Write down that the journal is alive and what its clock says; None where another process does that right now.

    Each item is the process's last look; None where it starts.
    """
    migration_lock.check(connection)
    return [_look(connection, last) for last in items]


def _look(connection: Connection, last: ClockReading | None) -> ClockReading | None:
    before = clocks.steady()
    machine, wall = _machine(connection)
    after = clocks.steady()
    # Whoever works passes by where it is locked: nobody who holds anything else ever waits for this row.
    row = connection.execute(select(standing).with_for_update(skip_locked=last is not None)).first()
    if row is None:
        return None
    was = _standing(row._mapping)
    now = _judged(was, last, ClockReading(was, machine, wall, after), after - before)
    at = machine - timedelta(seconds=now.behind)
    if now.doubt is not None and now is was:
        passed = 0.0 if was.clock is None else (at - was.clock).total_seconds()
        now = replace(now, doubt_left=now.doubt_left - min(max(passed, 0.0), _GAP))
        if now.doubt_left <= 0:
            now = _trusted(connection, now, machine, BUS)
            at = machine
    if last is not None:  # at a start somebody has still to see whether this is the right journal
        now = replace(now, beat=now.beat + 1, clock=at if now.clock is None else max(at, now.clock))
    _write(connection, now)
    return ClockReading(now, at, wall, after)


def _machine(connection: Connection) -> tuple[datetime, datetime]:
    """Return the clock behind the journal's, the database's if shared, and this machine's wall clock."""
    if connection.dialect.name == "sqlite":
        wall = clocks.wall()
        return wall, wall
    return shared_now(connection), clocks.wall()


def _judged(was: JournalState, last: ClockReading | None, now: ClockReading, slack: float) -> JournalState:
    """Return how the journal stands after this look: as before, or with its clock in doubt.

    The journal's clock does not follow a jump: what the machine is ahead since then is noted in `behind`.
    """
    at = now.at - timedelta(seconds=was.behind)
    if last is None:
        ahead = 0.0 if was.clock is None else (at - was.clock).total_seconds()
        if ahead > _AHEAD or ahead < -_BACK:
            return _doubted(was, "ahead" if ahead > 0 else "went_back", ahead, ahead)
        apart = (now.wall - now.at).total_seconds()
        return _doubted(was, "apart", apart, 0.0) if abs(apart) > _AHEAD else was
    passed = timedelta(seconds=now.steady - last.steady)
    if was.era != last.standing.era:  # a person has set the clock meanwhile
        return was
    jump = (at - last.at - passed).total_seconds()
    if abs(jump) > _JUMP + slack:
        return _doubted(was, "jumped", jump, jump)
    jump = (now.wall - last.wall - passed).total_seconds()
    return _doubted(was, "jumped", jump, 0.0) if abs(jump) > _JUMP + slack else was


def _doubted(was: JournalState, why: str, by: float, moved: float) -> JournalState:
    return replace(was, doubt=why, doubted_by=by, doubt_left=_STEADY, behind=was.behind + moved)


@dataclass(frozen=True, slots=True)
class Trust(Write[JournalState]):
    by: str = ACTOR


@Trust.each
def trust(connection: Connection, item: Trust) -> JournalState:
    """Set the journal's clock to the machine's; return the state before."""
    was = _standing(connection.execute(select(standing).with_for_update()).one()._mapping)
    _write(connection, _trusted(connection, was, _machine(connection)[0], item.by))
    return was


_EARLIER = (
    "UPDATE lookup SET next_attempt_at = next_attempt_at + :by WHERE next_attempt_at IS NOT NULL"
    " AND appeal_id IN (SELECT id FROM appeal WHERE state <> 'idle')",
    "UPDATE appeal SET due_at = due_at + :by WHERE state IN ('parked', 'suspect')",
    "UPDATE outbox SET next_attempt_at = next_attempt_at + :by WHERE sent_at IS NULL",
)
_LEASES = "UPDATE appeal SET lease_until = lease_until + :by WHERE state = 'in_work'"


def _trusted(connection: Connection, was: JournalState, machine: datetime, actor: str) -> JournalState:
    by = {"by": round(was.behind * 1_000_000)}
    if was.behind < 0:  # or what waits would wait for so much longer
        for statement in _EARLIER:
            connection.execute(text(statement), by)
    elif was.behind > 0 and connection.dialect.name == "sqlite":  # elsewhere leases are the database's own
        connection.execute(text(_LEASES), by)
    # What was due is so much earlier now.
    detail = {"by": by["by"]} if was.behind < 0 else {}
    events.note(connection, [Event(EventType.CLOCK_TRUSTED, None, actor, detail=detail)])
    trusted = replace(was, clock=machine, behind=0.0, doubt=None, doubted_by=0.0, doubt_left=0.0, era=was.era + 1)
    return replace(trusted, beat=was.beat + 1)  # one moment for each beat: by these histories that part are told apart


_PASS_OVER = {
    "sqlite": "UPDATE sqlite_sequence SET seq = seq + :given WHERE name = 'quarantine'",
    "postgresql": "SELECT setval(pg_get_serial_sequence('quarantine', 'id'),"
    " nextval(pg_get_serial_sequence('quarantine', 'id')) + :given)",
}


@Restored.each
def begin_epoch(connection: Connection, item: Restored) -> JournalState:
    """Begin an epoch, in which nothing gets a number that was ever given."""
    keep_writers_out(connection)
    was = _standing(connection.execute(select(standing).with_for_update()).one()._mapping)
    now = replace(was, epoch=max(was.epoch, item.epoch) + 1, beat=max(was.beat, item.beat) + 1)
    _write(connection, now)
    # What has no position yet gets one in the new epoch: in the old one others may have had that position.
    connection.execute(epoch.insert(), {"epoch": now.epoch, "after": events.locked_head(connection)})
    connection.execute(text(_PASS_OVER[connection.dialect.name]), {"given": _GIVEN})
    events.note(connection, [Event(EventType.RESTORED, None, item.by, detail={"epoch": now.epoch})])
    if item.note is not None:
        item.note(now)
    return now


def _standing(row: Mapping[Any, Any]) -> JournalState:
    return JournalState(**{name: value for name, value in row.items() if name not in ("id", "key_check")})


def _write(connection: Connection, now: JournalState) -> None:
    connection.execute(update(standing).values(asdict(now)))


@dataclass(frozen=True, slots=True)
class Probe(Write[None]):
    """Prove that the journal can be written; leaves nothing behind."""

    name: str = filled(lambda *_: f"probe.{uuid4().hex}")


@Probe.batch
def probe(connection: Connection, items: Sequence[Probe]) -> list[None]:
    bulk.insert(connection, counter, [{"name": item.name, "value": 0} for item in items])
    connection.execute(delete(counter).where(counter.c.name.in_([item.name for item in items])))
    return [None] * len(items)


_SETTINGS = (
    "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),"
    " (SELECT count(*) FROM pg_stat_replication)"
)


def how_it_stands(connection: Connection) -> JournalState:
    columns = [column for column in standing.columns if column.name not in ("id", "key_check")]
    return JournalState(**connection.execute(select(*columns)).one()._mapping)


@single
def how_far(connection: Connection) -> Mark:
    """Return how far the journal is; in PostgreSQL with its WAL position, if the database tells."""
    now, head = how_it_stands(connection), log.head(connection)
    if connection.dialect.name == "sqlite":
        return Mark.of(now, head=head)
    try:
        return Mark.of(now, WalPosition.of(connection.exec_driver_sql(PLACE).one()), head)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return Mark.of(now, head=head)


def what_may_be_lost(connection: Connection) -> list[str]:
    """Return what the database's settings may lose of what it confirmed, and the settings that avoid it."""
    if connection.dialect.name == "sqlite":
        return []
    commit, names, standbys = connection.exec_driver_sql(_SETTINGS).one()
    lost = "loses receipts of the last moments, up to a second unnoticed: set"
    advice = []
    if commit == "off":
        advice.append(f"journal: synchronous_commit is off: a crash or a promotion {lost} synchronous_commit = on")
    if standbys and (commit in ("off", "local") or not names):
        advice.append(
            f"journal: a standby of the database is asynchronous: its promotion {lost} synchronous_commit = on and "
            "synchronous_standby_names, such as 'ANY 1 (*)'"
        )
    return advice
