"""Messages that could not be taken: kept, listed, compared with what was taken since, taken after all or closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, bindparam, delete, func, select, update

from appealbus.core.domain.counts import QuarantineGroup
from appealbus.core.domain.event import Event, EventType, LogEntry, by_client, by_person
from appealbus.core.journal import events
from appealbus.core.journal.changes.changes import change
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.log import entry_of, placed_entries
from appealbus.core.journal.tables import Id, appeal, first_since, metadata, partial_index
from appealbus.core.journal.writes import NOW, Write
from appealbus.schemas.base import printable

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("channel", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("code", Text, nullable=False, server_default=""),
    Column("media_type", Text, nullable=False),
    Column("replayed_at", Moment),
    Column("number", Text),
    Column("raw", LargeBinary, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", Text),
    Column("closed_reason", Text),
    Column("sender", Text),
    sqlite_autoincrement=True,
)
"""Messages that could not be taken. One leaves when it is taken after all, or when a person closes it."""
QUARANTINED = quarantine.c.replayed_at.is_(None) & quarantine.c.closed_at.is_(None)
"""It waits for somebody's decision."""
_replayed, _closed = quarantine.c.replayed_at.is_not(None), quarantine.c.closed_at.is_not(None)
partial_index("ix_quarantine_waiting", quarantine.c.id, where=QUARANTINED)
partial_index("ix_quarantine_channel", quarantine.c.channel, quarantine.c.id, where=QUARANTINED)
partial_index("ix_quarantine_code", quarantine.c.code, quarantine.c.id, where=QUARANTINED)
partial_index("ix_quarantine_replayed", quarantine.c.replayed_at, where=_replayed)
partial_index("ix_quarantine_closed", quarantine.c.closed_at, where=_closed)


@dataclass(frozen=True, slots=True)
class NewQuarantine(Write[int]):
    at: datetime
    channel: str
    position: str
    reason: str
    raw: bytes
    media_type: str
    code: str = ""
    number: str | None = None
    """Of the appeal that stands in its way, if one does."""
    sender: str | None = None
    """The client that sent it, as `Sender.kept`; None: it came by an intake or a command."""


@dataclass(frozen=True, slots=True)
class QuarantineBounds(Write[int]):
    """How much quarantine keeps of each channel: the oldest beyond that are dropped."""

    messages: int
    bytes: int
    before: datetime | None
    """What is older is dropped too; None: nobody knows how old anything is."""


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A message in quarantine, until it is taken after all (`replayed_at`) or a person closes it (`closed_at`).

    `number` is that of the appeal that it became; before, that of the appeal which stands in its way, if one does.
    `raw` is empty in lists.
    """

    id: int
    at: datetime
    channel: str
    position: str
    reason: str
    raw: bytes
    media_type: str
    replayed_at: datetime | None = None
    number: str | None = None
    code: str = ""
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_reason: str | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed(Write[bool]):
    quarantine_id: int
    number: str
    at: datetime
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Closing(Write[bool]):
    """Close a message in quarantine for good; False if it does not wait there."""

    quarantine_id: int
    reason: str
    by: str
    at: datetime = NOW


def keep(connection: Connection, items: Sequence[NewQuarantine]) -> list[int]:
    insert = quarantine.insert().returning(quarantine.c.id, sort_by_parameter_order=True)
    noted: list[Event] = []
    rows = [bulk.row_of(quarantine, item) for item in items]
    ids = list(connection.execute(insert, rows).scalars())
    appeals = _appeals(connection, [item.number for item in items if item.number is not None])
    for quarantine_id, row in zip(ids, rows, strict=True):
        client, channel, appeal_id = by_client(row["channel"]), row["channel"], appeals.get(row["number"])
        detail = {"id": quarantine_id, "code": row["code"]}
        happened = [Event(EventType.QUARANTINED, None, client, channel, detail)]
        if appeal_id is not None:
            happened.append(Event(EventType.DIFFERS, appeal_id, client, channel, {"quarantine": quarantine_id}))
        noted += happened
    events.note(connection, noted)
    return ids


NewQuarantine.batch(keep)  # no decorator: others call it, too


def reserve(connection: Connection, count: int) -> Sequence[int]:
    """Return unused ids, one for each waiting change, so that the next id reveals nothing of it."""
    if not count:
        return ()
    insert = quarantine.insert().returning(quarantine.c.id)
    nothing = {
        "at": datetime.fromtimestamp(0, UTC),
        "raw": b"",
        **dict.fromkeys(("channel", "position", "reason", "media_type"), ""),
    }
    ids = connection.execute(insert, [nothing] * count).scalars().all()
    connection.execute(delete(quarantine).where(quarantine.c.id.in_(ids)))
    return ids


def _appeals(connection: Connection, numbers: Sequence[str]) -> dict[str | None, int]:
    if not numbers:
        return {}
    query = select(appeal.c.number, appeal.c.id).where(appeal.c.number.in_(direct.padded(list(set(numbers)))))
    return {row.number: row.id for row in connection.execute(query)}


@Replayed.batch
def replayed(connection: Connection, items: Sequence[Replayed]) -> list[bool]:
    table = quarantine
    appeals = _appeals(connection, [item.number for item in items])
    results: list[bool] = []
    noted: list[Event] = []
    for item in items:
        waits = (table.c.id == item.quarantine_id, table.c.replayed_at.is_(None))
        left = update(table).where(*waits).values(replayed_at=item.at, number=item.number)
        channel = connection.scalar(left.returning(table.c.channel))
        results.append(channel is not None)
        if channel is not None:
            reason = {"reason": printable(item.reason)} if item.reason else {}
            detail = {"id": item.quarantine_id, **reason}
            noted.append(Event(EventType.REPLAYED, appeals.get(item.number), item.by, channel, detail))
    events.note(connection, noted)
    return results


@Closing.each
def close(connection: Connection, item: Closing) -> bool:
    table, reason = quarantine, printable(item.reason)
    values = {"closed_at": item.at, "closed_by": printable(item.by), "closed_reason": reason}
    closed = update(table).where(table.c.id == item.quarantine_id, QUARANTINED).values(**values)
    row = connection.execute(closed.returning(table.c.channel, table.c.number)).first()
    if row is None:
        return False
    # `number` is that of the appeal whose message id it has, if it has one
    about = None if row.number is None else _appeals(connection, [row.number]).get(row.number)
    detail = {"id": item.quarantine_id, "reason": reason}
    events.note(connection, [Event(EventType.CLOSED, about, by_person(item.by), row.channel, detail)])
    return True


_KEPT = [column for column in quarantine.columns if column.name != "raw"]


def quarantined(
    connection: Connection,
    after: int = 0,
    limit: int = 100,
    *,
    include_replayed: bool = False,
    include_closed: bool = False,
    code: str | None = None,
    channel: str | None = None,
) -> list[QuarantineRow]:
    """Return a page of the quarantine, oldest first; `raw` is empty."""
    said = [(name, value) for name, value in (("code", code), ("channel", channel)) if value is not None]
    query = select(*_KEPT).where(quarantine.c.id > after).order_by(quarantine.c.id).limit(limit)
    query = query.where(*(quarantine.c[name] == value for name, value in said))
    taken, closed = quarantine.c.replayed_at.is_not(None), quarantine.c.closed_at.is_not(None)
    if not include_replayed and not include_closed:
        query = query.where(QUARANTINED)
    elif not include_closed:
        query = query.where(QUARANTINED | taken)
    elif not include_replayed:
        query = query.where(QUARANTINED | closed)
    return [QuarantineRow(**row._mapping, raw=b"") for row in connection.execute(query)]


def quarantine_left(
    connection: Connection, limit: int = 100, before: tuple[datetime, int] | None = None, *, closed: bool = False
) -> list[QuarantineRow]:
    """Return a page of what was taken later, or else of what was `closed`, newest first; `raw` is empty.

    `before` is the moment and the id of the last row of the page before.
    """
    left, key = quarantine.c.closed_at if closed else quarantine.c.replayed_at, quarantine.c.id
    query = select(*_KEPT).where(left.is_not(None)).order_by(left.desc(), key.desc()).limit(limit)
    if before is not None:
        # `<=` lets SQLite begin in the index; the rest are those of the same moment.
        query = query.where(left <= before[0], (left < before[0]) | (key < before[1]))
    return [QuarantineRow(**row._mapping, raw=b"") for row in connection.execute(query)]


def quarantine_row(connection: Connection, quarantine_id: int) -> QuarantineRow | None:
    row = connection.execute(select(quarantine).where(quarantine.c.id == quarantine_id)).first()
    return None if row is None else QuarantineRow(**row._mapping)


_WHEN = select(quarantine.c.id, quarantine.c.at).where(quarantine.c.id.in_(bindparam("ids", expanding=True)))


def quarantine_groups(connection: Connection, channel: str | None = None) -> list[QuarantineGroup]:
    """Return what waits in quarantine by code, of one channel if given; the most first."""
    ids = (func.min(quarantine.c.id).label("oldest"), func.max(quarantine.c.id).label("newest"))
    query = select(quarantine.c.code, func.count().label("messages"), *ids).where(QUARANTINED)
    if channel is not None:
        query = query.where(quarantine.c.channel == channel)
    rows = connection.execute(query.group_by(quarantine.c.code)).all()
    ends = {id_ for row in rows for id_ in (row.oldest, row.newest)}
    # Of the ends alone: `at` is not in the index, and a message of megabytes may lie beside it.
    at = {row.id: row.at for row in connection.execute(_WHEN, {"ids": list(ends)})} if ends else {}
    groups = [QuarantineGroup(row.code, row.messages, at[row.oldest], at[row.newest]) for row in rows]
    return sorted(groups, key=lambda group: (-group.messages, group.code))


@dataclass(frozen=True, slots=True)
class Named:
    """What a message in quarantine is called.

    Attributes:
        channel: that it came by.
        since: when it came: under its message id a copy counts that came later. An earlier one is another message,
            and that is why it is in quarantine. None: none counts.
        message_id: its sender's, if it is known.
        number: that the register gave to the appeal, if it is known; empty for a change.

    """

    channel: str
    since: datetime | None
    message_id: str | None
    number: str | None


def beginnings(connection: Connection, ids: Sequence[int], size: int) -> dict[int, bytes]:
    first = select(quarantine.c.id, func.substr(quarantine.c.raw, 1, size)).where(quarantine.c.id.in_(ids))
    # Of what is empty SQLite cuts out NULL.
    return {row[0]: bytes(row[1] or b"") for row in connection.execute(first)}


def copies(connection: Connection, messages: Sequence[Named]) -> list[str | None]:
    """Return for each message the number of the appeal that a copy of it has become, perhaps corrected."""
    ids = direct.padded(list({message.message_id for message in messages if message.message_id}))
    numbers = direct.padded(list({message.number for message in messages if message.number}))
    came: dict[tuple[str, str], tuple[datetime, str]] = {}
    taken: dict[str, tuple[str, str]] = {}
    if ids:
        ours = select(appeal.c.channel, appeal.c.message_id, appeal.c.accepted_at, appeal.c.number)
        theirs = select(change.c.channel, change.c.message_id, change.c.received_at, appeal.c.number)
        of_changes = theirs.join(appeal, change.c.appeal_id == appeal.c.id).where(change.c.message_id.in_(ids))
        for query in (of_changes, ours.where(appeal.c.message_id.in_(ids))):
            came |= {(channel, name): (at, number) for channel, name, at, number in connection.execute(query)}
    if numbers:
        columns = (appeal.c.number, appeal.c.channel, appeal.c.message_id)
        rows = connection.execute(select(*columns).where(appeal.c.number.in_(numbers)))
        taken = {number: (channel, name) for number, channel, name in rows}
    return [_copy(message, came, taken) for message in messages]


def _copy(
    message: Named, came: Mapping[tuple[str, str], tuple[datetime, str]], taken: Mapping[str, tuple[str, str]]
) -> str | None:
    name = (message.channel, message.message_id or "")
    at, number = came.get(name, (None, None))
    if at is not None and message.since is not None and at >= message.since:
        return number
    return message.number if taken.get(message.number or "", name) != name else None


_NEAR = 2000
"""Positions before and behind a moment: entries are noted in the order of transactions, some seconds apart at most."""
_OF_QUARANTINE = (EventType.QUARANTINED.value, EventType.REPLAYED.value, EventType.CLOSED.value)


def of_quarantine(connection: Connection, row: QuarantineRow) -> list[LogEntry]:
    """Return the entries about a message in quarantine: looked for near the moments at which something became of it.

    There is no index of them: they are few, and each stands where the log was at that moment.
    """
    entries: dict[int, LogEntry] = {}
    for moment in (row.at, row.replayed_at, row.closed_at):
        if moment is None:
            continue
        place = first_since(connection, log_entry.c.position, log_entry.c.at, moment)
        near = log_entry.c.position.between(place - _NEAR, place + _NEAR)
        about = log_entry.c.what.in_(_OF_QUARANTINE) & (log_entry.c.about == row.channel)
        for entry in connection.execute(placed_entries().where(near, about).order_by(log_entry.c.position)):
            shown = entry_of(entry, entry.number)
            if shown.detail.get("id") == row.id:
                entries[entry.position] = shown
    return [entries[position] for position in sorted(entries)]
