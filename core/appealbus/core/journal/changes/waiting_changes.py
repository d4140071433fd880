"""Changes that wait: for appeals that are still to come, as many and for as long as may be."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, zip_longest
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from appealbus.core.domain.change import AS_KEPT, ENDS, closed_by, order_of
from appealbus.core.domain.client import SenderOf, Touched
from appealbus.core.domain.event import Event, EventType, by_client
from appealbus.core.journal import events
from appealbus.core.journal.appeals import numbering
from appealbus.core.journal.changes.changes import ScopeNow, Waited, Why
from appealbus.core.journal.changes.changes import change as table
from appealbus.core.journal.codec import names_from, names_to
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.encoding import Moment, to_number
from appealbus.core.journal.quarantine import quarantine
from appealbus.core.journal.tables import MISDATED, appeal, counter
from appealbus.core.journal.writes import WALL, Write

WAITING = "waiting_changes"
"""The counter of changes that wait for their appeals. Whoever writes any of them has it locked."""
_OF_CHANNEL = f"{WAITING} of "
"""The beginning of the counters that tell how many of them each channel has sent."""
MOST = 200
"""Changes of one appeal: ten times what a long life has. With more, each new one costs reading all of them anew."""
MOST_BYTES = 8 * 1024 * 1024
"""Of the changes of one appeal together."""
MOST_WAITING_BYTES = 64 * 1024
"""Of a change that waits: with more, as many as may wait would fill a disk."""
RESERVE = 20
"""Changes by which an appeal ends, of each channel, that an appeal has room for whatever else it has."""
_RESERVED_PART = 10
"""Of the changes of a channel that may wait, one part in so many is added for those by which appeals end."""
_BATCH = 200
"""Rows of one transaction that deletes."""
_AT_ONCE = 64 * 1024 * 1024
"""Bytes of changes that do not count that go as their appeals come: more than two channels can send of one. What is
left goes with those that are too old. With more, all others wait for seconds until they are moved."""

TOO_MANY = "the appeal has too many changes already"
CONTRADICTORY = "its number and its message id are not of one appeal"
_UNKNOWN = "no appeal of this number or message id has come for as long as a change waits"

Named: TypeAlias = str | tuple[str, str]
"""What a change names: the number of an appeal, or the message that it came with and that one's channel."""
Refused: TypeAlias = tuple[int | None, Any, Why]
"""The id of the appeal that a change names, if that is here; the row of the change; and why it does not count."""
_TOO_MANY: Why = "change.too_many", TOO_MANY
_CONTRADICTORY: Why = "change.contradictory", CONTRADICTORY


class Room:
    def __init__(self) -> None:
        self.count = self.size = 0
        self._ends: Counter[str] = Counter()

    def has(self, kind: str, size: int, channel: str) -> bool:
        if self.count < MOST and self.size + size <= MOST_BYTES:
            return True
        return kind in ENDS and size <= MOST_WAITING_BYTES and self._ends[channel] < RESERVE

    def add(self, kind: str, size: int, channel: str) -> None:
        self.count += 1
        self.size += size
        self._ends[channel] += kind in ENDS


def waiting_by_channel(connection: Connection, counters: Mapping[str, int]) -> Counter[str]:
    """Return the number of waiting changes by channel; an earlier program kept only the total."""
    counts = Counter(
        {name.removeprefix(_OF_CHANNEL): n for name, n in counters.items() if name.startswith(_OF_CHANNEL)}
    )
    if counts.total() == counters.get(WAITING, 0):
        return counts
    waiting = select(table.c.channel, func.count().label("number")).where(table.c.appeal_id.is_(None))
    rows = connection.execute(waiting.group_by(table.c.channel))
    return Counter(dict.fromkeys(counts, 0) | {row.channel: row.number for row in rows})


def _lock(connection: Connection) -> None:
    kind: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = kind.insert(counter).values(name=WAITING, value=0)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": counter.c.value}))


def _count(connection: Connection) -> Counter[str]:
    counters = select(counter.c.name, counter.c.value).where(counter.c.name.startswith(WAITING, autoescape=True))
    return waiting_by_channel(connection, {row.name: row.value for row in connection.execute(counters)})


def _write(connection: Connection, channels: Counter[str]) -> None:
    rows = [{"name": f"{_OF_CHANNEL}{channel}", "value": count} for channel, count in channels.items()]
    bulk.upsert(connection, counter, [{"name": WAITING, "value": channels.total()}, *rows])
    gone = [f"{_OF_CHANNEL}{channel}" for channel, count in channels.items() if not count]
    if gone:
        connection.execute(delete(counter).where(counter.c.name.in_(gone)))


class Newcomer(NamedTuple):
    channel: str
    ends: bool
    names: Sequence[Named]
    most: int
    """So many of its channel may."""

    @property
    def room(self) -> int:
        """How many may wait, with the reserve if the change is one that it is for."""
        return self.most - (-self.most // _RESERVED_PART) if self.ends else self.most


class Waiting:
    """The number of waiting changes by channel and appeal, locked unless `look`."""

    def __init__(self, connection: Connection, new: Iterable[Newcomer], *, look: bool = False) -> None:
        if not look:
            _lock(connection)
        self._connection = connection
        self._channels = _count(connection)
        self._of_appeals: Counter[tuple[str, Named, bool]] = Counter()
        """By channel, what they name, and whether they are changes by which appeals end."""
        self._new = False
        given = {name for item in new if self._channels[item.channel] < item.room for name in item.names}
        numbers = direct.padded([name for name in given if isinstance(name, str)])
        messages = direct.padded([name[0] for name in given if not isinstance(name, str)])
        columns = (table.c.channel, table.c.number, table.c.of_message, table.c.of_channel, table.c.kind)
        these = table.c.number.in_(numbers) | table.c.of_message.in_(messages)
        query = select(*columns, func.count()).where(table.c.appeal_id.is_(None), these).group_by(*columns)
        for channel, number, of_message, of_channel, kind, count in connection.execute(query):
            message = [] if of_message is None else [(of_message, of_channel)]
            for name in [number, *message] if number is not None else message:
                self._of_appeals[channel, name, kind in ENDS] += count

    def add(self, new: Newcomer) -> bool:
        channel, ends, names = new.channel, new.ends, new.names
        if self._channels[channel] >= new.room or any(self._is_full(channel, name, ends) for name in names):
            return False
        self._channels[channel] += 1
        self._of_appeals.update((channel, name, ends) for name in names)
        self._new = True
        return True

    def _is_full(self, channel: str, name: Named, ends: bool) -> bool:
        ending = self._of_appeals[channel, name, True]
        return ending + self._of_appeals[channel, name, False] >= MOST and not (ends and ending < RESERVE)

    def forget(self, channel: str) -> None:
        self._channels[channel] -= 1
        self._new = True

    def write(self) -> None:
        if self._new:
            _write(self._connection, self._channels)


_COLUMNS = (
    *("id", "number", "of_message", "of_channel", "message_id", "channel", "kind", "dated_at", "received_at"),
    *("digest", "size", "sender", "refused", "says", "reserved"),
)
_WAITING = select(*(table.c[name] for name in _COLUMNS)).where(table.c.appeal_id.is_(None))
_OPEN = _WAITING.where(table.c.refused.is_(None))
"""Those of which an appeal that comes may take some: others are in quarantine, and stand here as if they waited."""
_ADOPTED = update(table).where(table.c.id == bindparam("this")).values(appeal_id=bindparam("of"))


@dataclass(frozen=True, slots=True)
class WaitingFound:
    """Changes that have waited for appeals which come now, by appeal id."""

    taken: Mapping[int, Sequence[Any]]
    refused: Sequence[Refused]
    """Those that name an appeal and do not count."""


def waiting_for(
    connection: Connection, rows: Sequence[dict[str, Any]], brought: Collection[str], sender_of: SenderOf
) -> WaitingFound:
    """Find the changes that have waited for appeals, and write into the rows of these what becomes of them.

    By number those alone are found that appeals have `brought`: nobody can have meant one that the bus gives now.
    In the order in which they count an appeal takes as many as it has room for of those that their senders, of whom
    `sender_of` says what they may now, may make.

    Such an appeal is nobody's at first: whoever claims it knows its changes. On PostgreSQL the counter is locked.
    """
    by_number = {row["number"]: row for row in rows if row["number"] in brought}
    by_message = {(row["message_id"], row["channel"]): row for row in rows}
    named: defaultdict[int, list[Any]] = defaultdict(list)
    taken: dict[int, Sequence[Any]] = {}
    refused: list[Refused] = []
    numbers = direct.padded(list(by_number))
    messages = direct.padded([message_id for message_id, _ in by_message])
    query = _OPEN.where(table.c.number.in_(numbers) | table.c.of_message.in_(messages))
    for waits in connection.execute(query):
        row = by_number.get(waits.number) or by_message.get((waits.of_message, waits.of_channel))
        if row is not None and _contradicts(waits, row["number"], row["message_id"], row["channel"]):
            refused.append((row["id"], waits, _CONTRADICTORY))
        elif row is not None:
            named[row["id"]].append(waits)
    waited = Waited(connection, [waits for theirs in named.values() for waits in theirs], sender_of)
    for row in rows:
        its, why = _adopted(waited, row, named.get(row["id"], []))
        refused += [(row["id"], *refusal) for refusal in why]
        if its:
            taken[row["id"]] = its
            closed = closed_by((order_of(waits), waits.kind) for waits in its)
            lacks = names_to([MISDATED] * (order_of(its[-1])[0] != its[-1].dated_at))  # until its run says exactly
            row.update(changes=len(its), closed=closed, lacks=lacks, state="ready", lease_owner=None, lease_until=None)
    refused.sort(key=lambda refusal: refusal[2] == _TOO_MANY)  # those that stay as if they waited, first
    sizes = accumulate(waits.size for _, waits, _ in refused)
    return WaitingFound(taken, [refusal for refusal, size in zip(refused, sizes, strict=True) if size <= _AT_ONCE])


def _adopted(waited: Waited, row: Mapping[str, Any], theirs: Sequence[Any]) -> tuple[list[Any], list[tuple[Any, Why]]]:
    """Return of changes those that an appeal takes, in their order, and the others, with why.

    What does not count takes no room. Where there is none for all, a right rests only on changes that the appeal has.
    """
    taken, refused = _allowed(waited, row, theirs)
    fit, rest = _with_room(taken)
    if rest:
        fit, more = _allowed(waited, row, fit)
        refused += more + [(waits, _TOO_MANY) for waits in rest]
    return fit, refused


def _allowed(waited: Waited, row: Mapping[str, Any], theirs: Sequence[Any]) -> tuple[list[Any], list[tuple[Any, Why]]]:
    """Return of changes those that their senders may make, in their order, and the others, with why.

    They are asked as they came: a right rests on what was sent before, as if the appeal had been here.
    """
    standing = ScopeNow(Touched(row["channel"], row["place"], row["kind"]))
    allowed: list[Any] = []
    refused: list[tuple[Any, Why]] = []
    for waits in sorted(theirs, key=lambda waits: (waits.received_at, waits.id)):
        why = waited.why_not(standing, waits)
        if why is None:
            waited.add(standing, waits)
            allowed.append(waits)
        else:
            refused.append((waits, why))
    return sorted(allowed, key=order_of), refused


def _with_room(theirs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return of changes in their order those that an appeal has room for, and the others.

    Channels take turns: by earlier dates one would take the room of another.
    """
    channels: defaultdict[str, list[Any]] = defaultdict(list)
    for waits in theirs:
        channels[waits.channel].append(waits)
    fit: list[Any] = []
    rest: list[Any] = []
    room = Room()
    for waits in (waits for turn in zip_longest(*channels.values()) for waits in turn if waits is not None):
        has = room.has(waits.kind, waits.size, waits.channel)
        (fit if has else rest).append(waits)
        if has:
            room.add(waits.kind, waits.size, waits.channel)
    return fit, rest


def _contradicts(waits: Any, number: str, message_id: str, channel: str) -> bool:
    if waits.of_message is not None and (waits.of_message, waits.of_channel) != (message_id, channel):
        return True
    return waits.number not in (None, number)


def adopt(connection: Connection, found: WaitingFound, rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Give changes to the appeals that they have waited for, which are written now; return what happened.

    Those that do not count go into quarantine. What its sender may not make, or names two appeals, stays here besides
    as if it waited: by what comes of it when it is sent again, its sender would see that there is such an appeal.
    """
    if not found.taken and not found.refused:
        return []
    channels = _count(connection)
    pairs = [(appeal_id, waits) for appeal_id, theirs in found.taken.items() for waits in theirs]
    if pairs:
        connection.execute(_ADOPTED, [{"this": waits.id, "of": appeal_id} for appeal_id, waits in pairs])
    names = ("state", "changes", "closed", "urgency", "lacks")
    stand = {row["id"]: {name: row[name] for name in names} for row in rows}
    happened = [told({**waits._mapping, "appeal_id": appeal_id}, stand[appeal_id]) for appeal_id, waits in pairs]
    happened += _quarantined(connection, found.refused, max(row["accepted_at"] for row in rows), stay=True)
    channels.subtract(waits.channel for _, waits in pairs)
    channels.subtract(waits.channel for _, waits, why in found.refused if why == _TOO_MANY)
    _write(connection, channels)
    return happened


_its_id = [appeal.c.number == table.c.number]
_its_id += [(appeal.c.message_id == table.c.of_message) & (appeal.c.channel == table.c.of_channel)]
# As values, not as a join: else PostgreSQL may read all appeals to find those of a few thousand changes.
_BY_NUMBER, _BY_MESSAGE = (select(appeal.c.id).where(of).correlate(table).scalar_subquery() for of in _its_id)
_NAMING = _OPEN.add_columns(_BY_NUMBER.label("by_number"), _BY_MESSAGE.label("by_message")).subquery()
_OF_KNOWN = select(_NAMING).where(_NAMING.c.by_number.is_not(None) | _NAMING.c.by_message.is_not(None))
_APPEALS = select(appeal.c.id, appeal.c.number, appeal.c.message_id, appeal.c.channel)


def to_give_up(connection: Connection, before: datetime, prefix: str) -> list[Refused]:
    """Return a batch of changes that wait in vain: first those whose appeals are here, then those from before a moment.

    An appeal that is here had no room for them, maybe in an earlier program's time. A number that begins with `prefix`
    is the bus's own: whoever named it before it was given meant no appeal.
    """
    own = [
        (row.by_message or row.by_number, row)
        for row in connection.execute(_OF_KNOWN)
        if row.by_message is not None or not numbering.is_own(row.number, prefix)
    ][:_BATCH]
    ids = direct.padded([appeal_id for appeal_id, _ in own])
    known = {row.id: row for row in connection.execute(_APPEALS.where(appeal.c.id.in_(ids)))} if ids else {}
    if known:
        return [
            (known_appeal.id, row, _CONTRADICTORY if _contradicts(row, *known_appeal[1:]) else _TOO_MANY)
            for known_appeal, row in ((known.get(appeal_id), row) for appeal_id, row in own)
            if known_appeal is not None
        ]
    old = _WAITING.where(table.c.received_at < before).order_by(table.c.received_at).limit(_BATCH)
    return [(None, row, ("change.appeal_unknown", _UNKNOWN)) for row in connection.execute(old)]


@dataclass(frozen=True, slots=True)
class GivenUp(Write[int]):
    refused: Sequence[Refused]
    at: datetime = WALL


@GivenUp.each
def give_up(connection: Connection, item: GivenUp) -> int:
    _lock(connection)
    channels = _count(connection)
    ids = direct.padded([row.id for _, row, _ in item.refused])
    waits = set(connection.scalars(select(table.c.id).where(table.c.id.in_(ids), table.c.appeal_id.is_(None))))
    refused = [refusal for refusal in item.refused if refusal[1].id in waits]
    known = [row.id for _, row, _ in refused if row.refused is not None]  # these are in quarantine
    if known:
        connection.execute(delete(table).where(table.c.id.in_(known)))
    events.note(
        connection, _quarantined(connection, [refusal for refusal in refused if refusal[1].id not in known], item.at)
    )
    channels.subtract(row.channel for _, row, _ in refused)
    _write(connection, channels)
    return len(refused)


def _quarantined(
    connection: Connection, refused: Iterable[Refused], at: datetime, *, stay: bool = False
) -> list[Event]:
    """Move changes into quarantine, all in the database: together they may be larger than memory.

    With `stay` those alone are moved for which there was no room; others stand where they are, too.
    """
    groups: defaultdict[tuple[int | None, Why, bool], list[int]] = defaultdict(list)
    for appeal_id, row, why in refused:  # of others the appeal's own log says nothing
        groups[appeal_id if why == _TOO_MANY else None, why, row.reserved is not None].append(row.id)
    happened = []
    for (appeal_id, (code, reason), reserved), ids in groups.items():
        for start in range(0, len(ids), _BATCH):
            these = table.c.id.in_(ids[start : start + _BATCH])
            as_kept = [literal(text) for text in (reason, code, AS_KEPT)]
            values = (literal(at, Moment), table.c.channel, "change " + table.c.message_id, *as_kept)
            values += table.c.document, table.c.sender
            columns = ["at", "channel", "position", "reason", "code", "media_type", "raw", "sender"]
            if reserved:  # an earlier release reserved none
                values, columns = (*values, table.c.reserved), [*columns, "id"]
            moved = insert(quarantine).from_select(columns, select(*values).where(these).order_by(table.c.id))
            for row in connection.execute(moved.returning(quarantine.c.id, quarantine.c.channel)):
                detail = {"id": row.id, "code": code}
                happened.append(Event(EventType.QUARANTINED, appeal_id, by_client(row.channel), row.channel, detail))
            stays = update(table).where(these).values(refused=code)
            connection.execute(stays if stay and (code, reason) != _TOO_MANY else delete(table).where(these))
    return happened


def told(row: Mapping[str, Any], standing: Mapping[str, Any]) -> Event:
    detail = {"change": row["message_id"], "channel": row["channel"], "dated": to_number(row["dated_at"])}
    stands = {name: value for name, value in standing.items() if value is not None}
    detail |= stands | ({"lacks": names_from(lacks)} if (lacks := stands.get("lacks")) else {})
    return Event(EventType.CHANGED, row["appeal_id"], by_client(row["channel"]), row["kind"], detail)
