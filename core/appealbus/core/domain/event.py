"""The log: its words, cursors and pages, and the feed of versions that it orders."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from appealbus.schemas.outcome import OutcomeKind


class EventType(StrEnum):
    """What can happen. A log may hold words of a later version: they are shown as they are."""

    # Of messages
    ACCEPTED = "accepted"
    """An appeal came and has a receipt."""
    REPEATED = "repeated"
    """It came once more and got the same receipt."""
    DIFFERS = "differs"
    """Another message came under the id of this appeal's."""
    QUARANTINED = "quarantined"
    REPLAYED = "replayed"
    """A message left quarantine as an appeal."""
    CLOSED = "closed"
    """A message in quarantine was closed by a person, or is dropped since there is too much."""
    CHANGED = "changed"
    """A change came, or one that had waited found its appeal."""
    # Of work
    CLAIMED = "claimed"
    """A worker has the appeal."""
    GIVEN_BACK = "given_back"
    SUSPECTED = "suspected"
    """A worker died with it in work."""
    ASKED = "asked"
    """A question is on its way to a source, or was answered from memory."""
    ENDED = "ended"
    """A question ended, with all its attempts."""
    VERSION = "version"
    """A version of the dossier was made."""
    PARKED = "parked"
    """A run ended with nothing new to tell: the appeal waits for its next attempt, or for nothing."""
    ANSWERED = "answered"
    """An answer came by itself."""
    TERM_MOVED = "term_moved"
    """It has to be answered until another day, since the law, the calendar or what is counted by changed."""
    # Of deliveries
    DELIVERED = "delivered"
    FAILED = "failed"
    SET_ASIDE = "set_aside"
    """The receiver will not take a version; it waits for a decision."""
    SKIPPED = "skipped"
    RESENT = "resent"
    HANDED_LATER = "handed_later"
    """A receiver that came later gets a version of before."""
    # Of people
    RETRIED = "retried"
    REFRESHED = "refreshed"
    ASSESSED = "assessed"
    """The dossier is to be assessed again as it stands."""
    REREAD = "reread"
    """Kept replies were read again."""
    RETRACTED = "retracted"
    """A person has withdrawn a record that was misread."""
    HELD = "held"
    RELEASED = "released"
    ORDERED = "ordered"
    """Somebody has something done to many appeals or deliveries; what is done to each is an entry of its own."""
    CARRIED_OUT = "carried_out"
    """That is done: how many rows have had which verdict."""
    STOPPED = "stopped"
    """A person, or the bus, has stopped what was ordered, between two parts."""
    WENT_ON = "went_on"
    """A person has it go on."""
    VIEW_KEPT = "view_kept"
    """Somebody keeps a list under a name."""
    VIEW_DROPPED = "view_dropped"
    PAUSED = "paused"
    """A person has a source stand still."""
    RESUMED = "resumed"
    """The source is asked again, by a person's order or as the time of the pause was over."""
    ALARM_TAKEN = "alarm_taken"
    """Somebody has taken an alarm on, until a day."""
    ALARM_CLOSED = "alarm_closed"
    """Somebody has closed an alarm, as what it turned out to be."""
    READ = "read"
    """Somebody looked at personal data."""
    # Of the journal
    PRUNED = "pruned"
    RESTORED = "restored"
    """A new epoch began."""
    CLIENT_ADDED = "client_added"
    """A client of the HTTP API may come from now on."""
    CLIENT_ROTATED = "client_rotated"
    """A client has one more credential, and those that it had end."""
    CLIENT_REVOKED = "client_revoked"
    """A client, or one of its credentials, counts no more."""
    MIGRATED = "migrated"
    CLOCK_TRUSTED = "clock_trusted"


BUS = "bus"
_NAME = 12
"""Characters of a worker's name, out of 32: enough to be practically unique."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_ANSWER = frozenset(
    {OutcomeKind.UNAVAILABLE.value, OutcomeKind.TIMED_OUT.value, OutcomeKind.INVALID.value, OutcomeKind.REFUSED.value}
)
_FAILURES = frozenset(
    {
        EventType.DIFFERS,
        EventType.QUARANTINED,
        EventType.SUSPECTED,
        EventType.FAILED,
        EventType.SET_ASIDE,
        EventType.HELD,
        EventType.CLOSED,
    }
)


def moment_of(at: object) -> datetime | None:
    """Parse a detail in microseconds since 1970; None if it is none."""
    if not isinstance(at, int) or isinstance(at, bool):
        return None
    try:
        return _EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return None


def short(worker: str) -> str:
    """Shorten a worker's name, since most entries contain one."""
    return worker[:_NAME]


def by_worker(name: str | None) -> str:
    """Return the actor of a worker, or the bus without a name."""
    return BUS if name is None else f"worker:{short(name)}"


def by_person(name: str) -> str:
    return f"person:{name}"


def by_api(name: str) -> str:
    return f"api:{name}"


def by_client(channel: str) -> str:
    return f"client:{channel}"


class Event(NamedTuple):
    """An event to be logged; a tuple for speed, since each appeal has seven or more.

    Attributes:
        actor: `worker:NAME`, `client:CHANNEL`, `api:CLIENT`, `person:NAME`, `plugin:NAME`, `bus`.
        about: a lookup, receiver, channel or source.
        detail: as JSON without personal data in clear: keys, codes, hex digests, microseconds since 1970.
    """

    what: EventType
    appeal_id: int | None
    actor: str
    about: str = ""
    detail: Mapping[str, Any] = _NOTHING


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the log: whoever has it has read everything up to it."""

    epoch: int
    position: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.position}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor that is written so; raise ValueError where it is none."""
        match = re.fullmatch(r"([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,17})", text, re.ASCII)
        if match is None:
            raise ValueError("a cursor is written EPOCH.POSITION, as in 1.4711")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Filter of log entries; all conditions must hold."""

    what: Collection[str] = ()
    """Any of these; empty: all."""
    number: str | None = None
    about: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the log. `position` is None as long as it has none; `number` where its appeal is gone."""

    position: int | None
    at: datetime
    what: str
    appeal_id: int | None
    number: str | None
    actor: str
    about: str
    detail: Mapping[str, Any]

    @property
    def tries(self) -> Sequence[Mapping[str, Any]]:
        """The attempts of a question that ended."""
        tries = self.detail.get("tries")
        return [attempt for attempt in tries if isinstance(attempt, dict)] if isinstance(tries, list) else []

    @property
    def failed(self) -> bool:
        """Whether something went wrong: a question was not answered, also where a later attempt was."""
        if self.what == EventType.ENDED:
            kinds = {str(entry.get("kind")) for entry in (self.detail, *self.tries)}
            return not kinds.isdisjoint(NO_ANSWER)
        return self.what in _FAILURES


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log."""

    entries: Sequence[LogEntry]
    next: Cursor
    """Where the next page begins. It moves on past what is not wanted, too."""
    head: Cursor
    """The end of the log when the page was read."""

    @property
    def lag(self) -> int:
        """How many entries follow this page, wanted or not."""
        return self.head.position - self.next.position


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A version at its log position. `epoch` belongs to the version, not to the position."""

    position: int
    at: datetime
    appeal_id: int
    public_id: str
    number: str
    version: int
    epoch: int
    completeness: str
    kind: str | None
    """Current kind of the appeal; None: unknown."""
    place: str | None
    """КАТО; None: unknown."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    entries: Sequence[FeedEntry]
    next: Cursor
    """Start of the next page, also past entries that were filtered out."""
    head: Cursor

    @property
    def lag(self) -> int:
        """Log entries after this page, filtered or not."""
        return self.head.position - self.next.position


@dataclass(frozen=True, slots=True)
class FeedReader:
    """A client that reads the feed. `cursor` is its last confirmed position, `lag` the unread log entries."""

    client: str
    cursor: Cursor
    at: datetime
    lag: int
