"""The access log, what people did, and who looked at what: each page goes by an index of such entries alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, Text, null, select

from appealbus.core.domain.access import AccessRow, AuditFilter, DeedPage, LookPage, LookPlace, Served
from appealbus.core.domain.event import Event, EventType, LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal import events
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.events import LOOK, OF_PERSON, log_entry, log_unplaced
from appealbus.core.journal.log import entry_of
from appealbus.core.journal.tables import Id, appeal, first_since, metadata
from appealbus.core.journal.writes import ACTOR, Write
from appealbus.schemas.base import printable

access = Table(
    "access",
    metadata,
    Column("id", Id, primary_key=True),
    Column("question_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("lookup", Text, nullable=False),
    Column("number", Text, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("served", Text, nullable=False),
)


def access_to_row(row: AccessRow) -> dict[str, Any]:
    return bulk.row_of(access, row, served=row.served.value)


def access_from_row(row: Row[Any]) -> AccessRow:
    return AccessRow(**{**row._mapping, "served": Served.stored(row.served)})


@dataclass(frozen=True, slots=True)
class Asking(Write[None]):
    """Rows of the access log."""

    rows: Sequence[AccessRow]
    by: str = ACTOR


@Asking.batch
def write(connection: Connection, items: Sequence[Asking]) -> list[None]:
    bulk.insert(connection, access, [access_to_row(row) for item in items for row in item.rows])
    events.note(connection, [asked_event(row, item.by) for item in items for row in item.rows])
    return [None] * len(items)


def asked_event(row: AccessRow, by: str) -> Event:
    detail = {"question": row.question_id, "source": row.source, "served": row.served.value}
    return Event(EventType.ASKED, row.appeal_id, by, row.lookup, detail)


def access_rows(connection: Connection, number: str | None = None, after: int = 0, limit: int = 100) -> list[AccessRow]:
    query = select(access).where(access.c.id > after).order_by(access.c.id).limit(limit)
    if number is not None:
        query = query.where(access.c.number == number)
    return [access_from_row(row) for row in connection.execute(query)]


def left_for_sources(connection: Connection, number: str) -> list[AccessRow]:
    """Return the access rows of an appeal whose questions went to a source."""
    ways = (Served.SOURCE.value, Served.NOTHING.value)
    mine = select(access).where(access.c.number == number, access.c.served.in_(ways)).order_by(access.c.id)
    rows = [access_from_row(row) for row in connection.execute(mine)]
    stayed = {row.question_id for row in rows if row.served is Served.NOTHING}
    return [row for row in rows if row.question_id not in stayed]


_SCAN = 5000
"""Entries of one page that are looked through for what no index tells: some tens of milliseconds."""
_WRONG = timedelta(hours=1)
"""By so much clocks may differ: entries stand in the order in which they were written, and nearly in that of time."""
_END = 10**18 - 1
"""Behind all positions."""
_UNPLACED = 100
"""Entries without a position that are shown: the newest ones, as they come a moment later."""


def deeds(connection: Connection, wanted: AuditFilter, before: int | None = None, limit: int = 100) -> DeedPage:
    """Return a page of what people did, or of their looks and those of clients.

    On PostgreSQL the first page begins with the newest that have no position yet, beyond `limit`.
    """
    newest = _unplaced(connection, wanted) if before is None else []
    end = _END if before is None else before
    first = 0
    if wanted.since is not None:
        first = first_since(connection, log_entry.c.position, log_entry.c.at, wanted.since - _WRONG)
    if wanted.until is not None:
        end = min(end, first_since(connection, log_entry.c.position, log_entry.c.at, wanted.until + _WRONG))
    # Those of one appeal have an index of their own, which must not lose against the one of all: hence `+ 0`.
    position: ColumnElement[int] = log_entry.c.position
    if wanted.appeal_id is not None:
        position = position + 0
    some = select(log_entry).where(*_which(log_entry.c, wanted), position < end, position >= first)
    rest = list(_rest(log_entry.c, wanted))
    size = _SCAN if rest else limit + 1
    some = some.order_by(position.desc()).limit(size)
    rows = connection.execute(_chosen(some, wanted, limit + 1) if rest else some).all()
    if len(rows) > limit:
        return DeedPage([*newest, *_entries(connection, rows[:limit])], rows[limit - 1].position)
    last = None
    if rest:
        last = connection.scalar(some.with_only_columns(log_entry.c.position).offset(_SCAN - 1).limit(1))
    return DeedPage([*newest, *_entries(connection, rows)], last)


def looks_at(
    connection: Connection, appeals: Sequence[AppealRow], before: LookPlace | None = None, limit: int = 100
) -> LookPage:
    """Return a page of who looked at these appeals: people, clients, and questions to sources."""
    numbers = {row.appeal_id: row.number for row in appeals}
    at = before or LookPlace(_END, _END)
    mine = log_entry.c.appeal_id.in_(list(numbers)), LOOK, log_entry.c.position + 0 < at.position
    query = select(log_entry, null().label("number")).where(*mine).order_by((log_entry.c.position + 0).desc())
    read = [_named(row, numbers) for row in connection.execute(query.limit(limit + 1))]
    asked = _access(connection, list(numbers.values()), 0, at.access, limit + 1)
    both: list[LogEntry | AccessRow] = sorted([*read, *asked], key=lambda entry: entry.at, reverse=True)
    shown, more = both[:limit], len(both) > limit
    for entry in shown:
        if isinstance(entry, AccessRow):
            at = LookPlace(at.position, entry.id)
        elif entry.position is not None:
            at = LookPlace(entry.position, at.access)
    newest: list[LogEntry | AccessRow] = []
    if before is None:
        waiting = [look for look in _unplaced(connection, AuditFilter(looks=True)) if look.appeal_id in numbers]
        newest = sorted([*waiting, *shown], key=lambda entry: entry.at, reverse=True)
    return LookPage(newest or shown, at if more else None)


def asked(
    connection: Connection,
    before: int | None = None,
    limit: int = 100,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[AccessRow]:
    """Return a page of the questions that left for sources; page by the id of the last one."""
    first, end = 0, _END if before is None else before
    if since is not None:
        first = first_since(connection, access.c.id, access.c.at, since)
    if until is not None:
        end = min(end, first_since(connection, access.c.id, access.c.at, until))
    return _access(connection, None, first, end, limit)


def _access(
    connection: Connection, numbers: Sequence[str] | None, first: int, before: int, limit: int
) -> list[AccessRow]:
    key: ColumnElement[int] = access.c.id if numbers is None else access.c.id + 0
    query = select(access).where(key < before, key >= first).order_by(key.desc()).limit(limit)
    if numbers is not None:
        query = query.where(access.c.number.in_(numbers))
    return [access_from_row(row) for row in connection.execute(query)]


def _which(of: Any, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that an index serves."""
    which = [LOOK] if wanted.looks else [OF_PERSON, ~LOOK]
    if of is not log_entry.c:
        which = [of.what == "read"] if wanted.looks else [of.actor.startswith("person:"), of.what != "read"]
    if wanted.actor is not None:
        which.append(of.actor == wanted.actor)
    if wanted.appeal_id is not None:
        which.append(of.appeal_id == wanted.appeal_id)
    return which


def _rest(of: Any, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that no index serves."""
    rest = [] if wanted.what is None else [of.what == wanted.what]
    rest += [] if wanted.since is None else [of.at >= wanted.since]
    return rest + ([] if wanted.until is None else [of.at < wanted.until])


def _chosen(some: Select[Any], wanted: AuditFilter, limit: int) -> Select[Any]:
    part = some.subquery()
    return select(part).where(*_rest(part.c, wanted)).order_by(part.c.position.desc()).limit(limit)


def _entries(connection: Connection, rows: Sequence[Row[Any]]) -> list[LogEntry]:
    ids = {row.appeal_id for row in rows if row.appeal_id is not None}
    query = select(appeal.c.id, appeal.c.number).where(appeal.c.id.in_(ids))
    numbers = {row.id: row.number for row in connection.execute(query)} if ids else {}
    return [_named(row, numbers) for row in rows]


def _named(row: Row[Any], numbers: dict[int, str]) -> LogEntry:
    return entry_of(row, numbers.get(row.appeal_id))


def _unplaced(connection: Connection, wanted: AuditFilter) -> list[LogEntry]:
    if connection.dialect.name == "sqlite":
        return []
    some = select(log_unplaced).order_by(log_unplaced.c.id.desc()).limit(_SCAN).subquery()
    query = select(null().label("position"), some).where(*_which(some.c, wanted), *_rest(some.c, wanted))
    return _entries(connection, connection.execute(query.order_by(some.c.id.desc()).limit(_UNPLACED)).all())


@dataclass(frozen=True, slots=True)
class Look(Write[None]):
    """Somebody looks at personal data, of an appeal or of several."""

    what: str
    """A dossier, a message in quarantine, a page of the access log …"""
    number: str | None = None
    """Of the appeal."""
    purpose: str = ""
    """In the person's own words."""
    about: Mapping[str, int] | None = None
    """Further details."""
    by: str = ACTOR


_IDS = select(appeal.c.number, appeal.c.id).where(direct.among(appeal.c.number, "numbers"))


@Look.batch
def look(connection: Connection, items: Sequence[Look]) -> list[None]:
    numbers = sorted({item.number for item in items if item.number is not None})
    (rows,) = direct.ask(connection, (_IDS, {"numbers": numbers}))
    ids = {row.number: row.id for row in rows}
    events.note(connection, [_event(item, ids) for item in items])
    return [None] * len(items)


def _event(item: Look, ids: Mapping[str, int]) -> Event:
    it = None if item.number is None else ids.get(item.number)
    purpose = {"purpose": printable(item.purpose)} if item.purpose else {}
    return Event(EventType.READ, it, item.by, detail={"as": item.what, **(item.about or {}), **purpose})
