"""What the journal is asked: one function for each question, on a reading connection."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select
from sqlalchemy import case as sql_case

from appealbus.core.domain.access import AccessRow, Served
from appealbus.core.domain.case import Case, KeptAnswer, LookupState
from appealbus.core.domain.change import KeptChange
from appealbus.core.domain.listing import AppealRow, AppealState, VersionRow
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import MessageDiffers
from appealbus.core.journal import bulk, codec, documents
from appealbus.core.journal.merging import merged
from appealbus.core.journal.rows import ChangeRow, DeliveryRow, JournalState, QuarantineRow, Undelivered, WorkerState
from appealbus.core.journal.sameness import differ, digest
from appealbus.core.journal.tables import (
    ALONE,
    HELD,
    IDLE,
    IN_WORK,
    LACKS,
    PARKED,
    READY,
    SUSPECT,
    WAITS,
    access,
    appeal,
    awaited,
    change,
    document,
    lookup,
    outbox,
    quarantine,
    source_state,
    standing,
    subject,
    suspect_message,
    worker,
)
from appealbus.core.journal.tables import (
    dossier as dossiers,
)
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

log = structlog.get_logger(__name__)

_LISTED = list(appeal.columns)
_KEPT = [column for column in quarantine.columns if column.name != "raw"]


_content = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)
_CASES = select(appeal, document.c.body).outerjoin_from(appeal, document, _content)
_fact = (document.c.appeal_id == lookup.c.appeal_id) & (document.c.digest == lookup.c.fact)
_STATES = select(lookup, document.c.body).outerjoin_from(lookup, document, _fact)


def case(connection: Connection, number: str) -> Case | None:
    """Return the appeal with this number and all that is known of it."""
    row = connection.execute(_CASES.where(appeal.c.number == number)).first()
    return None if row is None else codec.case_from_row(row, tuple(states(connection, number)))


def would_accept(connection: Connection, new: Appeal) -> None:
    """Raise MessageDiffers where another message has come with the message id of this one before."""
    named = (appeal.c.message_id == new.message_id) & (appeal.c.channel == new.channel)
    first = connection.execute(select(appeal.c.number, appeal.c.digest).where(named)).first()
    if first is not None and differ(first.digest, digest(new)):
        raise MessageDiffers(first.number)


_OF_CHANGE = [change.c[name] for name in ChangeRow.__dataclass_fields__ if name != "document"]


def changes(connection: Connection, number: str) -> list[ChangeRow] | None:
    """Return an appeal's changes in the order in which they count; None where there is no such appeal."""
    appeal_id = connection.scalar(select(appeal.c.id).where(appeal.c.number == number))
    if appeal_id is None:
        return None
    mine = select(*_OF_CHANGE, change.c.document).where(change.c.appeal_id == appeal_id)
    ordered = mine.order_by(change.c.dated_at, change.c.message_id, change.c.channel)
    return [ChangeRow(**row._mapping) for row in connection.execute(ordered)]


def waiting_changes(connection: Connection, after: int, limit: int) -> list[ChangeRow]:
    """Return a page of the changes that wait for their appeals."""
    # `id + 0`: they are few and have an index; by id it would be looked for among all.
    waits = select(*_OF_CHANGE).where(change.c.appeal_id.is_(None), change.c.id + 0 > after)
    return [ChangeRow(**row._mapping) for row in connection.execute(waits.order_by(change.c.id + 0).limit(limit))]


def cases(connection: Connection, ids: Sequence[int]) -> list[Case]:
    """Return appeals in the order of the ids, without those that cannot be read."""
    rows = {row.id: row for row in connection.execute(_CASES.where(appeal.c.id.in_(ids)))}
    kept = _STATES.where(lookup.c.appeal_id.in_(ids)).order_by(lookup.c.appeal_id, lookup.c.lookup, lookup.c.key)
    states_of = {
        appeal_id: list(group) for appeal_id, group in groupby(connection.execute(kept), key=lambda row: row.appeal_id)
    }
    made = (_readable(rows[appeal_id], states_of.get(appeal_id, [])) for appeal_id in ids if appeal_id in rows)
    read = [case for case in made if case is not None]
    return _with_changes(connection, read) if any(case.changes for case in read) else read


def _with_changes(connection: Connection, read: Sequence[Case]) -> list[Case]:
    ids = [case.appeal_id for case in read if case.changes]
    kept: defaultdict[int, list[KeptChange]] = defaultdict(list)
    for row in connection.execute(select(change).where(change.c.appeal_id.in_(ids))):
        try:
            kept[row.appeal_id].append(codec.change_from_row(row))
        except Exception as error:  # as above
            log.error("journal.unreadable", appeal_id=row.appeal_id, error=type(error).__name__)
    mine = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.first)
    firsts = select(appeal.c.id, document.c.body).join(document, mine).where(appeal.c.id.in_(ids))
    first = {row.id: APPEAL.read(row.body) for row in connection.execute(firsts)}
    return [
        replace(case, kept_changes=tuple(kept[case.appeal_id]), first=first.get(case.appeal_id))
        if case.changes
        else case
        for case in read
    ]


def _readable(row: Row[Any], kept: list[Row[Any]]) -> Case | None:
    try:
        return codec.case_from_row(row, tuple(map(codec.state_from_row, kept)))
    except Exception as error:  # damage takes any form, and one damaged appeal must not stop the others
        log.error("journal.unreadable", appeal_id=row.id, error=type(error).__name__)
        return None


_IN_STATE = {
    AppealState.READY: appeal.c.state == READY,
    AppealState.IN_WORK: appeal.c.state == IN_WORK,
    AppealState.PARKED: appeal.c.state == PARKED,
    AppealState.SUSPECT: appeal.c.state == SUSPECT,
    AppealState.HELD: appeal.c.state == HELD,
}


def appeals(
    connection: Connection, after: int, limit: int, state: AppealState | None, *, lacking: bool = False
) -> list[AppealRow]:
    """Return a page of appeals."""
    # `id + 0`, as below: what is unfinished is few and has an index. What is idle is nearly all: by id it is found.
    key: ColumnElement[int] = appeal.c.id + 0 if state in _IN_STATE or lacking else appeal.c.id
    query = select(*_LISTED).where(key > after).order_by(key).limit(limit)
    if state is not None:
        query = query.where(_IN_STATE.get(state, appeal.c.state == IDLE))
    if lacking:
        query = query.where(LACKS)
    return [codec.appeal_from_row(row) for row in connection.execute(query)]


def appeals_of(connection: Connection, mark: bytes, after: int, limit: int) -> list[AppealRow]:
    """Return a page of the appeals that name whom or what this mark stands for."""
    query = select(*_LISTED).join(subject, subject.c.appeal_id == appeal.c.id)
    query = query.where(subject.c.mark == mark, subject.c.appeal_id > after)
    query = query.order_by(subject.c.appeal_id).limit(limit)
    return [codec.appeal_from_row(row) for row in connection.execute(query)]


def appeal_row(connection: Connection, number: str) -> AppealRow | None:
    """Return how the appeal with this number stands."""
    row = connection.execute(select(*_LISTED).where(appeal.c.number == number)).first()
    return None if row is None else codec.appeal_from_row(row)


def states(connection: Connection, number: str) -> list[LookupState]:
    """Return how each question of an appeal stands."""
    query = _STATES.join(appeal, appeal.c.id == lookup.c.appeal_id).where(appeal.c.number == number)
    query = query.order_by(lookup.c.lookup, lookup.c.key)
    return [codec.state_from_row(row) for row in connection.execute(query)]


def answers(connection: Connection, appeal_id: int) -> list[KeptAnswer]:
    """Return the answers that wait for an appeal's lookups, the oldest first."""
    come = select(awaited).where(awaited.c.appeal_id == appeal_id, awaited.c.answered_at.is_not(None))
    answers = [
        KeptAnswer(row.correlation_id, row.lookup, row.key, row.sent_at, row.answered_at, row.head, row.answer)
        for row in connection.execute(come)
    ]
    return sorted(answers, key=lambda answer: answer.answered_at)


def versions(connection: Connection, number: str) -> list[VersionRow]:
    """Return the versions of a dossier."""
    columns = (dossiers.c.version, dossiers.c.completeness, dossiers.c.created_at)
    query = select(*columns).join(appeal).where(appeal.c.number == number).order_by(dossiers.c.version)
    return [VersionRow(**row._mapping) for row in connection.execute(query)]


def access_rows(connection: Connection, number: str | None, after: int, limit: int) -> list[AccessRow]:
    """Return a page of the access log."""
    query = select(access).where(access.c.id > after).order_by(access.c.id).limit(limit)
    if number is not None:
        query = query.where(access.c.number == number)
    return [codec.access_from_row(row) for row in connection.execute(query)]


def left_for_sources(connection: Connection, number: str) -> list[AccessRow]:
    """Return the access rows of an appeal whose questions went to a source."""
    mine = select(access).where(access.c.number == number, access.c.served == Served.SOURCE.value)
    return [codec.access_from_row(row) for row in connection.execute(mine.order_by(access.c.id))]


def turns(connection: Connection, mark: str) -> int:
    """Return how many turns of a message have begun and never ended."""
    return connection.scalar(select(suspect_message.c.turns).where(suspect_message.c.mark == mark)) or 0


def quarantined(connection: Connection, after: int, limit: int, *, include_replayed: bool) -> list[QuarantineRow]:
    """Return a page of the quarantine."""
    query = select(*_KEPT).where(quarantine.c.id > after).order_by(quarantine.c.id).limit(limit)
    if not include_replayed:
        query = query.where(quarantine.c.replayed_at.is_(None))
    return [QuarantineRow(**row._mapping, raw=b"") for row in connection.execute(query)]


def quarantine_row(connection: Connection, quarantine_id: int) -> QuarantineRow | None:
    """Return a message in quarantine."""
    row = connection.execute(select(quarantine).where(quarantine.c.id == quarantine_id)).first()
    return None if row is None else QuarantineRow(**row._mapping)


_SIZE = sql_case((dossiers.c.parts.is_(None), func.length(dossiers.c.document)), else_=dossiers.c.size)


def _undelivered() -> Select[Any]:
    earlier = outbox.alias()
    waits_for = (
        select(earlier.c.id)
        .where(
            earlier.c.appeal_id == outbox.c.appeal_id,
            earlier.c.receiver == outbox.c.receiver,
            earlier.c.version < outbox.c.version,
            earlier.c.sent_at.is_(None),
            earlier.c.alone_since.is_(None),
        )
        .exists()
    )
    due = outbox.c.next_attempt_at <= bindparam("now")
    return (
        select(
            outbox.c.id.label("delivery_id"),
            outbox.c.appeal_id,
            outbox.c.receiver,
            appeal.c.number,
            outbox.c.version,
            dossiers.c.completeness,
            outbox.c.attempts,
            outbox.c.strikes,
            outbox.c.begun_by,
            outbox.c.deaths,
            dossiers.c.region,
            dossiers.c.epoch,
            _SIZE.label("size"),
        )
        .join(appeal, appeal.c.id == outbox.c.appeal_id)
        .join(dossiers, (dossiers.c.appeal_id == outbox.c.appeal_id) & (dossiers.c.version == outbox.c.version))
        .where(WAITS, outbox.c.receiver == bindparam("receiver"), due, ~waits_for)
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(bindparam("most"))
    )


_UNDELIVERED = _undelivered()  # once: a relay in full work asks fifty times a second


def undelivered(connection: Connection, receiver: str, now: datetime, limit: int, size: int) -> list[Undelivered]:
    """Return what is due for a receiver, of each appeal the oldest unconfirmed version alone.

    No more bytes of dossiers than `size` are read, but one dossier in any case.
    """
    # A pruned appeal may go between the two questions; then nothing of it is left to deliver.
    due: list[Row[Any]] = []
    left = size
    for row in connection.execute(_UNDELIVERED, {"receiver": receiver, "now": now, "most": limit}):
        left -= row.size
        if left < 0 and due:
            break
        due.append(row)
    if not due:
        return []
    ids = bulk.padded([row.delivery_id for row in due])
    wholes = documents.wholes(connection, ids)
    return [
        Undelivered(
            **{name: value for name, value in row._mapping.items() if name != "size"},
            dossier=wholes[row.delivery_id],
        )
        for row in due
        if row.delivery_id in wholes
    ]


def newest_delivery(connection: Connection) -> int:
    """Return the largest id of a delivery; 0 where there has been none."""
    return connection.scalar(select(func.max(outbox.c.id))) or 0


def deliveries(
    connection: Connection, number: str | None, receiver: str | None, after: int, limit: int
) -> list[DeliveryRow]:
    """Return a page of deliveries: of one appeal all, else what waits alone."""
    made = (dossiers.c.appeal_id == outbox.c.appeal_id) & (dossiers.c.version == outbox.c.version)
    query: Select[Any] = select(*outbox.columns, appeal.c.number, dossiers.c.created_at)
    query = query.join(appeal, appeal.c.id == outbox.c.appeal_id).join(dossiers, made)
    # `id + 0`, as above: what waits alone is few and has an index.
    query = query.where(outbox.c.id + 0 > after).order_by(outbox.c.id + 0).limit(limit)
    query = query.where(ALONE if number is None else appeal.c.number == number)
    if receiver is not None:
        query = query.where(outbox.c.receiver == receiver)
    return [codec.delivery_from_row(row) for row in connection.execute(query)]


def how_it_stands(connection: Connection) -> JournalState:
    """Return which journal this is and what its clock is worth."""
    columns = [column for column in standing.columns if column.name not in ("id", "key_check")]
    return JournalState(**connection.execute(select(*columns)).one()._mapping)


def source_states(connection: Connection, now: datetime) -> list[SourceState]:
    """Return how the sources stand over the workers alive; where none is, how they stood."""
    query = select(source_state.c.document, worker.c.seen_until)
    rows = connection.execute(query.join(worker, worker.c.name == source_state.c.worker, isouter=True)).all()
    alive = [row for row in rows if row.seen_until is not None and row.seen_until > now]
    return merged(codec.source_from_json(row.document) for row in alive or rows)


def workers(connection: Connection, now: datetime) -> list[WorkerState]:
    """Return the workers alive."""
    query = select(worker.c.document).where(worker.c.seen_until > now).order_by(worker.c.name)
    return [codec.worker_from_json(raw) for raw in connection.execute(query).scalars()]
