"""Appeals that changes are about: found, locked, and made ready."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, bindparam, select

from appealbus.core.domain.change import ENDS, KeptChange, Order, closed_by, order_of
from appealbus.core.domain.client import FOREIGN, NOT_ALLOWED, Says, Sender, Touched
from appealbus.core.errors import CONFLICT, JournalError
from appealbus.core.journal.changes import waiting_changes
from appealbus.core.journal.changes.changes import ChangeTaken, NewChange, ScopeNow, refused, revoked, said
from appealbus.core.journal.changes.changes import change as table
from appealbus.core.journal.codec import names_from, names_to
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.tables import MISDATED, appeal
from appealbus.core.journal.writes import Write


@dataclass(frozen=True)
class Changing(Write[ChangeTaken]):
    """A change to write down, and how many of its channel may wait for their appeals."""

    turn = 2
    new: NewChange
    most_waiting: int = 10_000
    replayed: bool = False
    """Whether a person takes it out of quarantine, who is told why its sender may not make it."""

    @property
    def key(self) -> tuple[str, str]:
        return self.new.change.message_id, self.new.change.channel

    @property
    def of_message(self) -> tuple[str, str] | None:
        """Message id and channel of its appeal, if it names them."""
        change = self.new.change
        if change.appeal_message_id is None:
            return None
        return change.appeal_message_id, change.appeal_channel or change.channel

    @property
    def of_channel(self) -> str | None:
        """The channel that its appeal must have come by; None: any."""
        if self.of_message is not None:
            return self.of_message[1]
        return self.sender.channel or None

    @property
    def sender(self) -> Sender:
        return self.new.sender or Sender(self.new.change.channel)

    @property
    def dated_at(self) -> datetime:
        """Its date, that of its arrival where it has none."""
        return self.new.change.dated_at or self.new.received_at

    @property
    def newcomer(self) -> waiting_changes.Newcomer:
        new = self.new.change
        names = [name for name in (new.number, self.of_message) if name is not None]
        return waiting_changes.Newcomer(new.channel, new.kind in ENDS, names, self.most_waiting)

    @cached_property
    def says(self) -> Says:
        return Says.of(self.new.change)

    @cached_property
    def document(self) -> bytes:
        return self.new.change.model_dump_json(exclude_none=True).encode()


@dataclass(slots=True)
class Target:
    row: Any
    standing_of: ScopeNow
    urgency: int
    orders: list[tuple[Order, str]] = field(default_factory=list)
    room: waiting_changes.Room = field(default_factory=waiting_changes.Room)
    new: bool = False
    """Whether there is one among them that is written now."""
    misdated: bool = False
    """Whether the last of them is: of a held appeal no run tells."""

    def has(self, row: Any, says: Says) -> None:
        order = order_of(row)
        self.orders.append((order, row.kind))
        self.room.add(row.kind, row.size, row.channel)
        self.standing_of.add(order, says)

    def add(self, row: Mapping[str, Any], kept: KeptChange, says: Says) -> None:
        self.has(SimpleNamespace(**row), says)
        self.new, new = True, kept.change
        if kept.order == max(self.orders)[0]:
            self.misdated = kept.misdated
        due_on = new.due_on if new.corrected is None else new.corrected.due_on or new.due_on
        if due_on is not None:  # until its run says exactly; sooner than needed harms nobody
            self.urgency = min(self.urgency, due_on.toordinal())

    @property
    def standing(self) -> dict[str, Any]:
        """Columns of the appeal with these changes: a resting one becomes ready."""
        rests = self.row.state in ("parked", "idle")
        ready = "ready" if self.row.deaths is None else "suspect"
        return {
            "id": self.row.id,
            "changes": len(self.orders),
            "closed": closed_by(self.orders),
            "urgency": self.urgency,
            "lacks": names_to(
                [*(name for name in names_from(self.row.lacks) if name != MISDATED), *[MISDATED] * self.misdated]
            ),
            "state": ready if rests else self.row.state,
            "due_at": None if rests else self.row.due_at,
        }

    @property
    def told(self) -> dict[str, Any]:
        return {name: value for name, value in self.standing.items() if name not in ("id", "due_at")}


_COLUMNS = (appeal.c.id, appeal.c.number, appeal.c.channel, appeal.c.message_id)
_BY_NUMBER = select(*_COLUMNS).where(appeal.c.number.in_(bindparam("these", expanding=True)))
_BY_MESSAGE = select(*_COLUMNS).where(appeal.c.message_id.in_(bindparam("these", expanding=True)))
_SEEN = (
    select(*_COLUMNS, *(appeal.c[name] for name in ("state", "deaths", "due_at", "urgency", "lacks", "place", "kind")))
    .where(appeal.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(appeal.c.id)
)
_LOCKED = _SEEN.with_for_update(key_share=True)
_OF_CHANGE = (
    table.c[name]
    for name in ("id", "appeal_id", "kind", "dated_at", "received_at", "message_id", "channel", "size", "says")
)
_OF_APPEALS = select(*_OF_CHANGE).where(table.c.appeal_id.in_(bindparam("ids", expanding=True)))

_NOTHING = Says(frozenset(), {})


class Targets:
    """The appeals that changes are about, locked unless `look`, and the number of waiting changes."""

    def __init__(self, connection: Connection, items: Sequence[Changing], *, look: bool = False) -> None:
        self._connection = connection
        self._found = _found(connection, items)
        self._here: dict[int, Target] = {}
        self._waiting: waiting_changes.Waiting | None = None
        if any(not self._candidates(item) or self._may_be_refused(item) for item in items):
            # From now on nobody accepts an appeal until this is written: else both could miss each other.
            self._waiting = waiting_changes.Waiting(connection, [item.newcomer for item in items], look=look)
            self._found = _found(connection, items)
        ids = sorted({row.id for item in items for row in self._candidates(item)})
        if ids:
            scoped = {row.id for item in items if item.sender.scoped for row in self._candidates(item)}
            self._here = _targets_of(connection, ids, scoped, look=look)

    def _may_be_refused(self, item: Changing) -> bool:
        own, of_message = item.sender.channel, item.of_message
        channels = {row.channel for row in self._candidates(item)} | ({of_message[1]} if of_message else set())
        return item.replayed or item.sender.scoped or (bool(own) and channels != {own})

    def of(self, item: Changing) -> Target | JournalError | None:
        """Return the appeal that a change is about, None if it is to come, or why it cannot be taken.

        One that its sender may not make is bounded as if there were no such appeal, so that nobody can tell.
        """
        candidates = self._candidates(item)
        if (refusal := self._refusal(item)) is not None:
            return refusal if item.replayed else self._waits(item) or refusal
        if len({row.id for row in candidates}) > 1 or any(not _is_about(item, row) for row in candidates):
            return JournalError(waiting_changes.CONTRADICTORY, "change.contradictory")
        target = self._here.get(candidates[0].id) if candidates else None
        if target is None:
            return self._waits(item)
        new, size = item.new.change, len(item.document)
        if not target.room.has(new.kind or "", size, new.channel):
            return JournalError(waiting_changes.TOO_MANY, "change.too_many")
        return target

    def _refusal(self, item: Changing) -> JournalError | None:
        """Return why the sender may change none of the appeals named; None if it may, or none is known."""
        if item.of_message is not None and item.sender.channel not in ("", item.of_message[1]):
            return refused(FOREIGN)
        if item.replayed and revoked(self._connection, [item.sender]):
            return refused(NOT_ALLOWED)
        rows = [row for row in self._candidates(item) if row.id in self._here]
        given = item.says, item.dated_at, item.new.received_at
        codes = [item.sender.refusal(self._here[row.id].standing_of.now, *given) for row in rows]
        return refused(codes[0]) if codes and codes[0] is not None and all(codes) else None

    def hides(self, item: Changing) -> bool:
        """Whether the sender of a known change must learn nothing of its appeal."""
        return item.sender.scoped and not item.replayed and self._refusal(item) is not None

    def _waits(self, item: Changing) -> JournalError | None:
        if len(item.document) > waiting_changes.MOST_WAITING_BYTES:
            text = "its appeal is not known, and it is too large to wait; replay it once the appeal is there"
            return JournalError(text, "change.too_large")
        if self._waiting is None:  # what is locked is not what was found: on the next try it is not found
            raise JournalError("its appeal has just been deleted", CONFLICT)
        if not self._waiting.add(item.newcomer):
            return JournalError("its appeal is not known, and too many changes wait already", "change.too_many_wait")
        return None

    def forget(self, channel: str) -> None:
        """Count one waiting change of a channel less, as a person takes it now."""
        if self._waiting is not None:
            self._waiting.forget(channel)

    def write(self, connection: Connection) -> None:
        touched = [target for target in self._here.values() if target.new]
        bulk.update(connection, appeal, [target.standing for target in touched])
        if self._waiting is not None:
            self._waiting.write()

    def _candidates(self, item: Changing) -> list[Any]:
        by_number, by_message = self._found
        of_message = item.of_message
        candidates = [by_number.get(item.new.change.number), by_message.get(of_message) if of_message else None]
        return [row for row in candidates if row is not None]


def _found(connection: Connection, items: Sequence[Changing]) -> tuple[dict[str | None, Any], dict[Any, Any]]:
    numbers = [number for item in items if (number := item.new.change.number) is not None]
    messages = [of_message[0] for item in items if (of_message := item.of_message) is not None]
    by_number = connection.execute(_BY_NUMBER, {"these": direct.padded(numbers)}) if numbers else ()
    by_message = connection.execute(_BY_MESSAGE, {"these": direct.padded(messages)}) if messages else ()
    return {row.number: row for row in by_number}, {(row.message_id, row.channel): row for row in by_message}


def _targets_of(
    connection: Connection, ids: Sequence[int], scoped: Collection[int], *, look: bool
) -> dict[int, Target]:
    rows = connection.execute(_SEEN if look else _LOCKED, {"ids": direct.padded(ids)})
    # Where changes were worked in, place and kind are those of the last that says them: as they count here, too.
    given = ((row, ScopeNow(Touched(row.channel, row.place, row.kind))) for row in rows)
    targets = {
        row.id: Target(row, standing, row.urgency, misdated=MISDATED in names_from(row.lacks))
        for row, standing in given
    }
    changes = connection.execute(_OF_APPEALS, {"ids": direct.padded(ids)}).all()
    says = said(connection, [row for row in changes if row.appeal_id in scoped])
    for row in changes:
        targets[row.appeal_id].has(row, says.get(row.id, _NOTHING))
    return targets


def _is_about(item: Changing, row: Any) -> bool:
    new = item.new.change
    if new.number is not None and row.number != new.number:
        return False
    if item.of_message is not None:
        return bool(item.of_message == (row.message_id, row.channel))
    return item.of_channel in (None, row.channel)
