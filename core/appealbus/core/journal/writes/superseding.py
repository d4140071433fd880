"""Versions that newer ones have superseded go, with the documents that only they refer to."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_

from appealbus.core.domain.document import split
from appealbus.core.domain.event import Event, What
from appealbus.core.journal.tables import ALONE, WAITS, appeal, document, dossier, lookup, outbox, to_number
from appealbus.core.journal.writes import events

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Superseded:
    """Versions that have been superseded for so long that they go: of each appeal all before a version."""

    before: Sequence[tuple[int, int]]
    upto: datetime
    by: str


def prune_versions(connection: Connection, items: Sequence[Superseded]) -> list[int]:
    """Delete superseded versions that nobody waits for, with the documents that only they refer to."""
    return [_prune_versions(connection, item) for item in items]


def _prune_versions(connection: Connection, item: Superseded) -> int:
    limits = dict(item.before)
    rested = _locked(connection, limits)
    theirs = select(dossier.c.appeal_id, dossier.c.version).where(dossier.c.appeal_id.in_(rested), ~WAITED_FOR)
    gone = [(a, v) for a, v in connection.execute(theirs) if v < limits[a]]
    if not gone:
        return 0
    connection.execute(delete(dossier).where(tuple_(dossier.c.appeal_id, dossier.c.version).in_(gone)))
    _drop_unreferenced(connection, rested)
    detail = {"table": "dossier", "upto": to_number(item.upto), "count": len(gone), "versions": sorted(gone)}
    events.note(connection, [Event(What.PRUNED, None, item.by, detail=detail)])
    return len(gone)


WAITED_FOR = (
    select(outbox.c.id)
    .where(outbox.c.appeal_id == dossier.c.appeal_id, outbox.c.version == dossier.c.version, WAITS | ALONE)
    .exists()
)
"""A receiver does not have this version yet, and nobody has given it up."""


def _locked(connection: Connection, ids: Collection[int]) -> list[int]:
    """Lock those of the appeals that nobody works on, so that nobody does meanwhile."""
    rest = select(appeal.c.id).where(appeal.c.id.in_(list(ids)), appeal.c.state.in_(("idle", "parked")))
    return list(connection.execute(rest.order_by(appeal.c.id).with_for_update(skip_locked=True)).scalars())


def _drop_unreferenced(connection: Connection, ids: Sequence[int]) -> None:
    """Delete the documents that neither a version nor a question nor the appeal itself refers to."""
    used: defaultdict[int, set[bytes]] = defaultdict(set)
    parts = select(dossier.c.appeal_id, dossier.c.parts).where(
        dossier.c.appeal_id.in_(ids), dossier.c.parts.is_not(None)
    )
    for appeal_id, joined in connection.execute(parts):
        used[appeal_id].update(split(joined))
    facts = select(lookup.c.appeal_id, lookup.c.fact).where(lookup.c.appeal_id.in_(ids), lookup.c.fact.is_not(None))
    forms = select(appeal.c.id, appeal.c.content, appeal.c.first).where(appeal.c.id.in_(ids))
    for query in (facts, forms):
        for appeal_id, *digests in connection.execute(query):
            used[appeal_id].update(digests)
    kept = select(document.c.appeal_id, document.c.digest).where(document.c.appeal_id.in_(ids))
    unused = [(appeal_id, digest) for appeal_id, digest in connection.execute(kept) if digest not in used[appeal_id]]
    for at in range(0, len(unused), _BATCH):
        some = tuple_(document.c.appeal_id, document.c.digest).in_(unused[at : at + _BATCH])
        connection.execute(delete(document).where(some))
