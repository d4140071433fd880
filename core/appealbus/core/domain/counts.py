"""Counts of the journal's contents: what waits, appeals per week and place, what a worker tells monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from appealbus.core.domain.change import KeptChange
from appealbus.core.domain.event import FeedReader


@dataclass(frozen=True, slots=True)
class QuarantineHeld:
    """Size of a channel's quarantine, without replayed or closed messages."""

    messages: int
    bytes: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    code: str
    messages: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class Warned:
    """Appeals of a channel that have a warning of one code, among its newest."""

    channel: str
    code: str
    appeals: int
    of: int
    """How many of the channel were looked at."""
    numbers: tuple[str, ...] = ()
    """Of the newest three with that warning."""

    @property
    def share(self) -> float:
        """Which part of those that were looked at."""
        return self.appeals / self.of


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of what the journal holds."""

    ready: int
    """Waits for work."""
    in_work: int
    parked: int
    idle: int
    quarantine: int
    """Messages in quarantine that nobody has replayed or closed."""
    outbox: dict[str, int]
    """Deliveries not yet confirmed, by receiver."""
    oldest_unfinished: datetime | None
    """When the oldest appeal that is neither idle nor held was accepted."""
    oldest_undelivered: dict[str, datetime] = field(default_factory=dict)
    """When the oldest version that a receiver has not confirmed was made, by receiver."""
    quarantined: dict[str, QuarantineHeld] = field(default_factory=dict)
    """What is in quarantine, by channel."""
    alone: dict[str, int] = field(default_factory=dict)
    """Versions that a receiver will not take and that wait for a decision, by receiver; they are not in `outbox`."""
    suspect: int = 0
    """Waits for its turn alone, since a worker died over it and others."""
    lacking: dict[str, int] = field(default_factory=dict)
    """Appeals for which a lookup could not be asked since it is not loaded, by lookup."""
    unassessed: dict[str, int] = field(default_factory=dict)
    """Appeals whose newest dossier an assessor raised over, by assessor."""
    misdated: int = 0
    """Appeals with a date that is implausible or cannot be read."""
    held: int = 0
    """Waits for a person."""
    waiting_changes: int = 0
    """Changes whose appeal is not known yet, and those of which their senders shall think so."""
    refused_changes: int = 0
    """The latter: they are in quarantine, since their senders may not make them."""
    waiting_by_channel: dict[str, int] = field(default_factory=dict)
    """The same, by the channel that sent them."""
    log_position: int = 0
    """Of the newest entry of the log."""
    log_unplaced: int = 0
    """Entries of the log that have no position yet, up to a hundred thousand."""
    oldest_unplaced: datetime | None = None
    """When the oldest of them was noted."""
    feed_readers: tuple[FeedReader, ...] = ()
    """Clients that read the feed, and up to where."""


@dataclass(frozen=True, slots=True)
class ParkedFor:
    source: str
    appeals: int
    """An appeal that waits for two sources counts for each."""
    first_at: datetime
    """Next attempt of the first of them."""
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DueMoved:
    """A changed due date; None: no due date."""

    appeal_id: int
    before: date | None
    due_on: date | None


@dataclass(frozen=True, slots=True)
class DueAtBody:
    """Those of them that are written to one body."""

    body: str
    """Its БИН, else the КАТО of its territory; empty: they name none."""
    appeals: int
    overdue: int


@dataclass(frozen=True, slots=True)
class DueSoon:
    """Open appeals that are due soon, or were due lately, and whose dossiers lack something."""

    until: date
    appeals: int
    more: bool
    """Whether there are more than were counted."""
    overdue: int
    """How many of those counted were due before today."""
    numbers: tuple[str, ...]
    """The most urgent of them."""
    bodies: tuple[DueAtBody, ...] = ()
    """Those counted by body, what has most of them first."""


@dataclass(frozen=True, slots=True)
class WeekCount:
    """Appeals of one category and place that were accepted in one week."""

    monday: date
    """The week begins on it, in Kazakhstan."""
    category: str | None
    place: str | None
    """КАТО, as the appeal has it: a region, a district or a village."""
    appeals: int
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class WeekPart:
    """Which appeals of a week somebody means."""

    monday: date
    first_id: int
    """The first appeal to look at, and the last one, as they were told with the counts."""
    last_id: int
    category: str | None = None
    """None: any, and none."""
    places: str = ""
    """What КАТО begins with, as `27` or `2710`; empty: anywhere, and nowhere."""


@dataclass(frozen=True, slots=True)
class WeekCounts:
    """The appeals behind an id up to another one, counted."""

    rows: tuple[WeekCount, ...]
    upto: int
    """The id of the last appeal that is counted: go on behind it."""
    last: int
    """The id of the newest appeal that there is; 0 where there is none."""
    epoch: int
    """Of the journal: in another one an id may be another appeal's."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The data of an appeal that statistics need; reading the whole takes several times as long.

    Attributes:
        appeal: newest form, as JSON.
        first: original form, as JSON; None: same as `appeal`.
        changes: applied changes without corrections, unordered.
        found: lookups of found records, with repeats.
        completed_at: creation of the first complete version; None: none among those kept.
    """

    appeal_id: int
    accepted_at: datetime
    due_on: date | None
    appeal: bytes
    first: bytes | None = None
    changes: tuple[KeptChange, ...] = ()
    found: tuple[str, ...] = ()
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    """`bus`, `journal`, or the connection's: `main.consume`."""
    ok: bool
    needed: bool
    """Whether the bus is not ready without it. What leads to receivers alone is not: the outbox keeps it. Nor is what
    works and has something to be mended."""
    detail: str
    todo: str = ""
    """What to do about it, where it is not well."""


@dataclass(frozen=True, slots=True)
class SourceCalls:
    """The calls to one source since the start."""

    within: tuple[tuple[float, int], ...]
    """How many took so many seconds at most, by rising bounds; the last bound is infinite."""
    seconds: float
    """That all of them took together."""
    left_behind: int
    """How many went on although their time was up."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Durations since the start."""

    within: tuple[tuple[float, int], ...]
    """Cumulative counts by upper bound in seconds, ascending; the last bound is infinite."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What this process has done since its start, and what it does now. What has not happened yet is there as 0."""

    in_flight: int
    """Appeals that it works on now."""
    messages: Mapping[tuple[str, str], int]
    """Messages in, by intake and result: `new`, `repeated`, `quarantined`, or `failed` where nothing was kept."""
    dossiers: Mapping[str, int]
    """Dossier versions made, by completeness."""
    delays: Mapping[str, Delays]
    """From acceptance to the `first` version, and to the first that is `complete`."""
    deliveries: Mapping[tuple[str, str], int]
    """Attempts to hand a version over, by receiver and result: `delivered`, `failed` or `alone`."""
    answers: Mapping[tuple[str, str], int]
    """Answers that came by themselves, by source and what became of them: `stored`, `again` or `unknown`."""
    calls: Mapping[str, SourceCalls]
    """By source."""
    defects: Mapping[str, int]
    """What plugins raised where they should not, by part: `lookup.gbdfl.person`."""
    stood_still: Mapping[str, float]
    """Seconds for which the event loop stood still, by the plugin that held it; the empty name is the bus itself."""
    waiting_writes: int
    """Writes that wait for the journal."""
    failed_writes: int
    clock_in_doubt: bool
    """Whether nothing is deleted or given up, since the clock cannot be trusted."""
    checkpoint_failed: bool
    """Whether the checkpoint cannot be written."""
