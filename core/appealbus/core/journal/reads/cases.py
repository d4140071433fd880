"""Cases: an appeal with all that is known of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import Connection, Row, select

from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.change import KeptChange
from appealbus.core.journal import codec
from appealbus.core.journal.changes.changes import change, change_from_row
from appealbus.core.journal.tables import appeal, document, lookup
from appealbus.core.packing import unpack
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

log = structlog.get_logger(__name__)

_content = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)
_CASES = select(appeal, document.c.body).outerjoin_from(appeal, document, _content)
_fact = (document.c.appeal_id == lookup.c.appeal_id) & (document.c.digest == lookup.c.fact)
_STATES = select(lookup, document.c.body).outerjoin_from(lookup, document, _fact)


def case(connection: Connection, number: str) -> Case | None:
    """Return an appeal with all that is known of it."""
    row = connection.execute(_CASES.where(appeal.c.number == number)).first()
    return None if row is None else codec.case_from_row(row, tuple(states(connection, number)))


def cases(connection: Connection, ids: Sequence[int]) -> list[Case]:
    """Return appeals in the order of the ids, without those that cannot be read."""
    rows = {row.id: row for row in connection.execute(_CASES.where(appeal.c.id.in_(ids))).all()}
    kept = _STATES.where(lookup.c.appeal_id.in_(ids)).order_by(lookup.c.appeal_id, lookup.c.lookup, lookup.c.key)
    known = connection.execute(kept).all()  # all at once: one by one they cost a call of the driver each
    states_of = {appeal_id: list(group) for appeal_id, group in groupby(known, key=lambda row: row.appeal_id)}
    made = (_readable(rows[appeal_id], states_of.get(appeal_id, [])) for appeal_id in ids if appeal_id in rows)
    read = [case for case in made if case is not None]
    return _with_changes(connection, read) if any(case.changes for case in read) else read


def _with_changes(connection: Connection, read: Sequence[Case]) -> list[Case]:
    ids = [case.appeal_id for case in read if case.changes]
    kept: defaultdict[int, list[KeptChange]] = defaultdict(list)
    for row in connection.execute(select(change).where(change.c.appeal_id.in_(ids))):
        try:
            kept[row.appeal_id].append(change_from_row(row))
        except Exception as error:  # one damaged change must not stop its appeal, nor the others
            log.error("journal.unreadable", appeal_id=row.appeal_id, error=type(error).__name__)
    mine = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.first)
    firsts = select(appeal.c.id, document.c.body).join(document, mine).where(appeal.c.id.in_(ids))
    first: dict[int, Appeal] = {}
    unreadable = set()
    for row in connection.execute(firsts):
        try:
            first[row.id] = APPEAL.read(unpack(row.body))
        except Exception as error:  # whoever applied changes to another form would write what nobody has said
            log.error("journal.unreadable", appeal_id=row.id, error=type(error).__name__)
            unreadable.add(row.id)
    return [
        replace(case, kept_changes=tuple(kept[case.appeal_id]), first=first.get(case.appeal_id))
        if case.changes
        else case
        for case in read
        if case.appeal_id not in unreadable
    ]


def _readable(row: Row[Any], kept: list[Row[Any]]) -> Case | None:
    try:
        return codec.case_from_row(row, tuple(map(codec.state_from_row, kept)))
    except Exception as error:  # damage takes any form, and one damaged appeal must not stop the others
        log.error("journal.unreadable", appeal_id=row.id, error=type(error).__name__)
        return None


def states(connection: Connection, number: str) -> list[LookupState]:
    """Return how each question of an appeal stands."""
    query = _STATES.join(appeal, appeal.c.id == lookup.c.appeal_id).where(appeal.c.number == number)
    query = query.order_by(lookup.c.lookup, lookup.c.key)
    return [codec.state_from_row(row) for row in connection.execute(query)]
