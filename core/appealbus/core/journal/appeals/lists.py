"""Appeals and versions as lists have them."""

import hmac
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select

from appealbus.core.domain import public_id as ids
from appealbus.core.domain.listing import AppealRow, AppealState, VersionRow
from appealbus.core.journal import codec, documents, tables
from appealbus.core.journal.drivers import direct
from appealbus.core.journal.drivers.direct import single
from appealbus.core.journal.tables import HELD, IDLE, IN_WORK, LACKS, PARKED, READY, SUSPECT, appeal
from appealbus.core.journal.tables import dossier as dossiers

_LISTED = list(appeal.columns)
_NUMBERED = select(*_LISTED).where(appeal.c.number == bindparam("number"))
_WITH_IDS = select(*_LISTED).where(direct.among(appeal.c.id, "ids"))
_TAGGED = select(*_LISTED).where(appeal.c.id == bindparam("of"))

_IN_STATE = {
    AppealState.READY: appeal.c.state == READY,
    AppealState.IN_WORK: appeal.c.state == IN_WORK,
    AppealState.PARKED: appeal.c.state == PARKED,
    AppealState.SUSPECT: appeal.c.state == SUSPECT,
    AppealState.HELD: appeal.c.state == HELD,
}


def appeals(
    connection: Connection, after: int = 0, limit: int = 100, state: AppealState | None = None, *, lacking: bool = False
) -> list[AppealRow]:
    """Return a page of appeals, oldest first; in one state, or those that lack a lookup, if wanted."""
    # `id + 0`: what is unfinished is few and has an index, and by id it would be looked for among all. What is idle
    # is nearly all: by id it is found.
    key: ColumnElement[int] = appeal.c.id + 0 if state in _IN_STATE or lacking else appeal.c.id
    query = select(*_LISTED).where(key > after).order_by(key).limit(limit)
    if state is not None:
        query = query.where(_IN_STATE.get(state, appeal.c.state == IDLE))
    if lacking:
        query = query.where(LACKS, tables.lacking("lacking", appeal.c.lacks))
    return [codec.appeal_from_row(row) for row in connection.execute(query)]


def appeals_with(connection: Connection, ids: Sequence[int]) -> dict[int, AppealRow]:
    """Return appeals by id, without deleted ones."""
    (rows,) = direct.ask(connection, (_WITH_IDS, {"ids": list(ids)}))
    return {row.id: codec.appeal_from_row(row) for row in rows}


@single
def appeal_row(connection: Connection, number: str) -> AppealRow | None:
    """Return how the appeal with this number stands, as in a list."""
    (rows,) = direct.ask(connection, (_NUMBERED, {"number": number}))
    return codec.appeal_from_row(rows[0]) if rows else None


@single
def appeal_of(connection: Connection, public_id: str) -> AppealRow | None:
    """Return the appeal with this public id; None if unknown or malformed."""
    try:
        appeal_id, tag = ids.parse(public_id)
    except ValueError:
        return None
    (rows,) = direct.ask(connection, (_TAGGED, {"of": appeal_id}))
    return _if_tagged(rows[0], tag) if rows else None


@single
def dossier_of(connection: Connection, public_id: str) -> tuple[AppealRow, bytes | None] | None:
    """Return also the newest dossier as JSON; None where there is none, or another version came just now."""
    try:
        appeal_id, tag = ids.parse(public_id)
    except ValueError:
        return None
    row, raw = documents.row_with_newest(connection, (_TAGGED, {"of": appeal_id}), appeal_id)
    listed = None if row is None else _if_tagged(row, tag)
    return None if listed is None else (listed, raw)


def _if_tagged(row: Any, tag: bytes) -> AppealRow | None:
    return codec.appeal_from_row(row) if hmac.compare_digest(row.tag or b"", tag) else None


def appeal_by(
    connection: Connection, number: str | None = None, message_id: str | None = None, channel: str | None = None
) -> AppealRow | None:
    """Return how the appeal stands that has this number, or came as this message through this channel.

    What is given must all be true of it. Without a channel a message id means an appeal where one channel alone
    has used it.
    """
    given = ((appeal.c.number, number), (appeal.c.message_id, message_id), (appeal.c.channel, channel))
    if number is None and message_id is None:
        return None
    said = [column == value for column, value in given if value is not None]
    rows = connection.execute(select(*_LISTED).where(*said).limit(2)).all()
    return codec.appeal_from_row(rows[0]) if len(rows) == 1 else None


def versions(connection: Connection, number: str) -> list[VersionRow]:
    columns = (dossiers.c.version, dossiers.c.completeness, dossiers.c.created_at)
    query = select(*columns).join(appeal).where(appeal.c.number == number).order_by(dossiers.c.version)
    return [VersionRow(**row._mapping) for row in connection.execute(query)]


def rows_of(connection: Connection, some: Sequence[int]) -> list[AppealRow]:
    """Return appeals in the order of ids, without deleted ones."""
    return [row for _, row in sorted(appeals_with(connection, some).items())]
