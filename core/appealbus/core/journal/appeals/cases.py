"""Cases, which are appeals with all that is known of them, and outlines of them, some hundred at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import Connection, Row, Text, bindparam, func, literal_column, select

from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.change import KeptChange
from appealbus.core.domain.counts import Outline
from appealbus.core.domain.document import fact_parts
from appealbus.core.journal import codec
from appealbus.core.journal.changes.changes import change, change_from_row
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.tables import appeal, document, dossier, lookup
from appealbus.core.packing import unpack
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.record import Record, stored_record
from appealbus.schemas.stored import APPEAL

log = structlog.get_logger(__name__)

_content = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)
_CASES = select(appeal, document.c.body).outerjoin_from(appeal, document, _content)
_fact = (document.c.appeal_id == lookup.c.appeal_id) & (document.c.digest == lookup.c.fact)
_STATES = select(lookup, document.c.body).outerjoin_from(lookup, document, _fact)


def case(connection: Connection, number: str) -> Case | None:
    row = connection.execute(_CASES.where(appeal.c.number == number)).first()
    return None if row is None else codec.case_from_row(row, tuple(states(connection, number)))


def cases(connection: Connection, ids: Sequence[int]) -> list[Case]:
    """Return appeals in the order of the ids. Unreadable ones are left out and logged."""
    if not ids:
        return []
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
    query = _STATES.join(appeal, appeal.c.id == lookup.c.appeal_id).where(appeal.c.number == number)
    query = query.order_by(lookup.c.lookup, lookup.c.key)
    return [codec.state_from_row(row) for row in connection.execute(query)]


_newest, _first = document.alias("newest"), document.alias("first")
_FOUND = lookup.c.kind == literal_column("'found'", Text)
_PAGE = select(appeal.c.id).where(appeal.c.id > bindparam("after")).order_by(appeal.c.id).limit(bindparam("most"))
_APPEALS = (
    select(
        appeal.c.id,
        appeal.c.accepted_at,
        appeal.c.urgency,
        appeal.c.first,
        _newest.c.body,
        _first.c.body.label("first_body"),
    )
    .outerjoin(_newest, (_newest.c.appeal_id == appeal.c.id) & (_newest.c.digest == appeal.c.content))
    .outerjoin(_first, (_first.c.appeal_id == appeal.c.id) & (_first.c.digest == appeal.c.first))
    .where(direct.among(appeal.c.id, "ids"))
)
_CHANGES = select(change.c.appeal_id, change.c.document, change.c.dated_at, change.c.received_at).where(
    direct.among(change.c.appeal_id, "ids"), change.c.kind != literal_column("'corrected'", Text)
)
_LOOKUPS = select(lookup.c.appeal_id, lookup.c.lookup).where(direct.among(lookup.c.appeal_id, "ids"), _FOUND)
_COMPLETED = (
    select(dossier.c.appeal_id, func.min(dossier.c.created_at).label("at"))
    .where(direct.among(dossier.c.appeal_id, "ids"), dossier.c.completeness == literal_column("'complete'", Text))
    .group_by(dossier.c.appeal_id)
)
_RECORDS = (
    select(lookup.c.appeal_id, lookup.c.lookup, document.c.body)
    .join(document, (document.c.appeal_id == lookup.c.appeal_id) & (document.c.digest == lookup.c.fact))
    .where(direct.among(lookup.c.appeal_id, "ids"), direct.among(lookup.c.lookup, "lookups"), _FOUND)
)


def outline_page(connection: Connection, after: int = 0, most: int = 100) -> tuple[list[Outline], int]:
    """Return a page of the outlines of all appeals, oldest first, and the last id of it; 0: that was all.

    One that cannot be read is left out and logged, so a page may be short, or empty.
    """
    (rows,) = direct.ask(connection, (_PAGE, {"after": after, "most": most}))
    ids = [row.id for row in rows]
    return outlines(connection, ids), ids[-1] if ids else 0


def outlines(connection: Connection, ids: Sequence[int]) -> list[Outline]:
    """Return the outlines of appeals, in the order of the ids. One that cannot be read is left out and logged."""
    asked = {"ids": list(ids)}
    appeals, changes, lookups, done = direct.ask(
        connection, (_APPEALS, asked), (_CHANGES, asked), (_LOOKUPS, asked), (_COMPLETED, asked)
    )
    kept: defaultdict[int, list[KeptChange]] = defaultdict(list)
    for row in changes:
        try:
            kept[row.appeal_id].append(change_from_row(row))
        except Exception as error:  # one damaged change must not stop its appeal, nor the others
            _unreadable(row.appeal_id, error)
    names: defaultdict[int, list[str]] = defaultdict(list)
    for row in lookups:
        names[row.appeal_id].append(row.lookup)
    completed: dict[int, datetime] = {row.appeal_id: row.at for row in done}
    by_id = {row.id: row for row in appeals}
    return [
        Outline(
            appeal_id,
            row.accepted_at,
            codec.due_of(row.urgency),
            *forms,
            tuple(kept.get(appeal_id, ())),
            tuple(names.get(appeal_id, ())),
            completed.get(appeal_id),
        )
        for appeal_id in ids
        if (row := by_id.get(appeal_id)) is not None and (forms := _forms(row)) is not None
    ]


def _forms(row: Any) -> tuple[bytes, bytes | None] | None:
    try:
        return unpack(row.body), None if row.first is None else unpack(row.first_body)
    except Exception as error:  # damage takes any form, and one damaged appeal must not stop the others
        _unreadable(row.id, error)
        return None


def records(connection: Connection, ids: Sequence[int], lookups: Sequence[str]) -> list[tuple[int, str, Record]]:
    """Return the records that these lookups have found for appeals, without those that cannot be read."""
    (rows,) = direct.ask(connection, (_RECORDS, {"ids": list(ids), "lookups": list(lookups)}))
    readable = []
    for row in rows:
        try:
            record, _ = fact_parts(unpack(row.body))
            if record is not None:
                readable.append((row.appeal_id, row.lookup, stored_record(record)))
        except Exception as error:
            _unreadable(row.appeal_id, error)
    return readable


def _unreadable(appeal_id: int, error: Exception) -> None:
    log.error("journal.unreadable", appeal_id=appeal_id, error=type(error).__name__)
