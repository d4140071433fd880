"""How much of what there is: counted by the indexes that hold only what is unfinished."""

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, union_all

from appealbus.core.domain.counts import Counts, QuarantineHeld
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import codec, log
from appealbus.core.journal.changes.changes import change
from appealbus.core.journal.changes.waiting_changes import waiting_by_channel
from appealbus.core.journal.quarantine import QUARANTINED, quarantine
from appealbus.core.journal.reads import feed
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
    outbox,
)
from appealbus.core.journal.tables import dossier as dossiers

_LACKING = select(appeal.c.lacks, func.count().label("number")).where(LACKS).group_by(appeal.c.lacks)
_UNSENT = (
    select(outbox.c.receiver, func.count().label("unsent"), func.min(outbox.c.id).label("oldest"))
    .where(WAITS)
    .group_by(outbox.c.receiver)
)
_ALONE = select(outbox.c.receiver, func.count().label("alone")).where(ALONE).group_by(outbox.c.receiver)
_MADE = (
    select(outbox.c.receiver, dossiers.c.created_at)
    .join(dossiers, (dossiers.c.appeal_id == outbox.c.appeal_id) & (dossiers.c.version == outbox.c.version))
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
    found = {row.state: row for row in connection.execute(_UNFINISHED)}
    number = {state: row.number for state, row in found.items()}
    oldest = [row.oldest for state, row in found.items() if row.oldest is not None and state != AppealState.HELD]
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
    """Return when the next parked appeal is due; None if none is parked."""
    due: datetime | None = connection.scalar(select(func.min(appeal.c.due_at)).where(appeal.c.state == PARKED))
    return due
