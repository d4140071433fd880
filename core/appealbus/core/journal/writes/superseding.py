"""Versions that newer ones have superseded go, with the documents that only they refer to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, tuple_

from appealbus.core.domain.event import Event, What
from appealbus.core.journal import documents, events
from appealbus.core.journal.one_by_one import one_by_one
from appealbus.core.journal.tables import ALONE, WAITS, appeal, dossier, outbox, to_number


@dataclass(frozen=True, slots=True)
class Superseded:
    """Versions that have been superseded for so long that they go: of each appeal all before a version."""

    before: Sequence[tuple[int, int]]
    upto: datetime
    by: str


@one_by_one
def prune_versions(connection: Connection, item: Superseded) -> int:
    """Delete superseded versions that nobody waits for, with the documents that only they refer to."""
    limits = dict(item.before)
    rested = _locked(connection, limits)
    theirs = select(dossier.c.appeal_id, dossier.c.version).where(dossier.c.appeal_id.in_(rested), ~waited_for())
    gone = [(a, v) for a, v in connection.execute(theirs) if v < limits[a]]
    if not gone:
        return 0
    connection.execute(delete(dossier).where(tuple_(dossier.c.appeal_id, dossier.c.version).in_(gone)))
    documents.drop_unused(connection, rested)
    detail = {"table": "dossier", "upto": to_number(item.upto), "count": len(gone), "versions": sorted(gone)}
    events.note(connection, [Event(What.PRUNED, None, item.by, detail=detail)])
    return len(gone)


def waited_for(which: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    """Return the condition for versions that a receiver does not have yet, and that nobody has given up."""
    its = (outbox.c.appeal_id == dossier.c.appeal_id, outbox.c.version == dossier.c.version, WAITS | ALONE)
    return select(outbox.c.id).where(*its, *(() if which is None else (which,))).exists()


RESTS = appeal.c.state.in_(("idle", "parked"))
"""Nobody works on the appeal, or is about to: a run may refer to versions and documents that were there before."""


def _locked(connection: Connection, ids: Collection[int]) -> list[int]:
    """Lock those of the appeals that nobody works on, so that nobody does meanwhile."""
    rest = select(appeal.c.id).where(appeal.c.id.in_(list(ids)), RESTS)
    return list(connection.execute(rest.order_by(appeal.c.id).with_for_update(skip_locked=True)).scalars())
