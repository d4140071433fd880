"""What goes into the journal and comes out of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from appealbus.core.interfaces.answer import KeptAnswer
from appealbus.core.interfaces.link import LinkState
from appealbus.core.interfaces.outcomes import PENDING
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.dossier import Input
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record


@dataclass(frozen=True, slots=True)
class NewAppeal:
    """An appeal to accept. Its channel and message id tell it apart; the journal gives the number if it has none."""

    appeal: Appeal
    accepted_at: datetime
    accepted_by: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An appeal that is on disk."""

    appeal_id: int
    receipt: Receipt
    new: bool


class Served(StrEnum):
    """What answered a question."""

    SOURCE = "source"
    SHARED = "shared"
    """An identical question was in flight; its answer serves this one too."""
    CACHE = "cache"


@dataclass(frozen=True, slots=True)
class AccessRow:
    """Who looked at whose data, for which appeal, why, and by what right. Durable before the question leaves."""

    question_id: str
    at: datetime
    actor: str
    subject: str
    source: str
    lookup: str
    number: str
    purpose: str
    legal_basis: str
    served: Served
    id: int = 0
    """Where the row stands in the journal; 0 until it is written."""


@dataclass(frozen=True, slots=True)
class AwaitedRow:
    """A question whose answer comes by itself: its access row, and which question of which appeal it is."""

    access: AccessRow
    appeal_id: int
    key: str


@dataclass(frozen=True, slots=True)
class LookupState:
    """How one question of a case stands. The journal keeps the newest for each (lookup, key)."""

    lookup: str
    key: str
    kind: OutcomeKind
    ended_at: datetime
    code: str = ""
    reason: str = ""
    inputs: tuple[Input, ...] = ()
    attempts: int = 0
    """Calls that left for the source, over all runs."""
    runs: int = 0
    """How often the question was put; the back-off grows with it."""
    asked_at: datetime | None = None
    next_attempt_at: datetime | None = None
    record: Record | None = None
    provenance: Provenance | None = None

    @property
    def pending(self) -> bool:
        """Whether the question may still end otherwise: it, or a lookup that it takes an input from, is not done."""
        return self.code == PENDING if self.kind is OutcomeKind.SKIPPED else not self.kind.final


@dataclass(frozen=True, slots=True)
class Case:
    """An appeal with all that is known so far."""

    appeal_id: int
    appeal: Appeal
    receipt: Receipt
    version: int
    """Of the newest dossier; 0 where there is none yet."""
    states: tuple[LookupState, ...] = ()
    answers: tuple[KeptAnswer, ...] = ()
    """What came by itself, and has not been read."""
    size: int = 0
    """Bytes of the appeal as the journal keeps it."""
    deaths: int | None = None
    """Of a suspect: how many workers have died while it had its turn. None: it is no suspect."""
    asked: tuple[AccessRow, ...] = ()
    """Of a suspect: its questions that left for a source, those too whose end nobody has heard."""


class State(StrEnum):
    """How an appeal stands."""

    READY = "ready"
    """It waits for work."""
    IN_WORK = "in_work"
    """Somebody works on it now, under a lease."""
    PARKED = "parked"
    """It waits for the next attempt of a lookup."""
    IDLE = "idle"
    """It waits for nothing."""
    SUSPECT = "suspect"
    """Its worker died over it and others; it waits for its turn, one suspect at a time."""
    HELD = "held"
    """It is not worked until somebody releases it."""


@dataclass(frozen=True, slots=True)
class AppealRow:
    """An appeal in a list."""

    appeal_id: int
    number: str
    channel: str
    message_id: str
    accepted_at: datetime
    state: State
    due_at: datetime | None
    """When a parked appeal is worked on again."""
    version: int
    completeness: str | None
    """Of the newest dossier; None where there is none yet."""
    changed_at: datetime
    held_by: str | None = None
    """Who holds it: a person, or the bus itself; None where it is not held."""
    held_reason: str | None = None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a dossier, without the dossier."""

    version: int
    completeness: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class QuarantineHeld:
    """What quarantine holds of a channel, of messages that nobody has replayed."""

    messages: int
    bytes: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of what the journal holds."""

    ready: int
    """Waits for work."""
    in_work: int
    parked: int
    idle: int
    quarantine: int
    """Messages in quarantine that nobody has replayed."""
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
    held: int = 0
    """Waits for a person."""


@dataclass(frozen=True, slots=True)
class JournalState:
    """Which journal this is, how often it was seen alive, and what its clock is worth."""

    journal: str
    """Tells journals apart; a copy has that of its original."""
    epoch: int
    """1 at first, one more after each restore."""
    beat: int
    """Signs of life of whoever works it: a copy of it that is older has seen fewer."""
    clock: datetime | None
    """Its newest moment, by its own clock."""
    behind: float
    """Seconds that the machine's clock is ahead of the journal's, since a jump that nobody has accepted."""
    doubt: str | None
    """Why its clock is in doubt: `ahead` or `went_back` at a start, `jumped`, `apart` (from the database's)."""
    doubted_by: float
    """Seconds that it is about."""
    doubt_left: float
    """Steady seconds until it is trusted again by itself."""
    era: int
    """How often its clock was set to the machine's after a doubt."""


@dataclass(frozen=True, slots=True)
class NewQuarantine:
    """A message that could not be taken."""

    at: datetime
    channel: str
    position: str
    reason: str
    raw: bytes
    media_type: str
    code: str = ""
    number: str | None = None
    """Of the appeal that stands in its way, if one does."""


@dataclass(frozen=True, slots=True)
class QuarantineBounds:
    """How much of each channel quarantine keeps: what is over is dropped, the oldest first."""

    messages: int
    bytes: int
    before: datetime | None
    """What is older is dropped too; None: nobody knows how old anything is."""


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A message in quarantine. `replayed_at` is set once it has been taken after all; `raw` is empty in lists.

    `number` is then that of its appeal; before, that of the appeal which stands in its way, if one does.
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


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A dossier version that a receiver has not confirmed yet."""

    delivery_id: int
    appeal_id: int
    receiver: str
    number: str
    version: int
    completeness: str
    attempts: int
    dossier: bytes
    region: str
    strikes: int
    """How often the delivery raised over it alone."""
    begun_by: str | None = None
    """The worker whose hand-over of it was noted and has not ended: unless that is alive, it died meanwhile."""
    deaths: int = 0
    """How many died, one after the other, while they handed it over alone; the hand-over noted now counts already."""
    epoch: int = 1
    """Of the journal when the version was made."""


class DeliveryState(StrEnum):
    """How a version stands with one receiver."""

    WAITING = "waiting"
    """It goes out when it is due."""
    ALONE = "alone"
    """The receiver will not take it; it waits for a decision."""
    SKIPPED = "skipped"
    """Somebody gave it up."""
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One version and one receiver, in a list."""

    id: int
    receiver: str
    number: str
    version: int
    state: DeliveryState
    reason: str | None
    """A code of ours, or what the person wrote who gave it up."""
    attempts: int
    since: datetime
    """When it began to be so; of what waits, when the version was made."""
    next_attempt_at: datetime | None
    """Of what waits."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A process that works the journal, as it last wrote it down."""

    name: str
    host: str
    pid: int
    started_at: datetime
    in_flight: int = 0
    """Appeals that it works now."""
    dossiers: int = 0
    """Versions that it has written since its start."""
    links: tuple[LinkState, ...] = ()
    """Its connections that stay open."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source stands, as the running bus sees it."""

    source: str
    connector: str
    breaker: str
    """`closed`, `open` or `half_open`."""
    in_flight: int
    waiting: int
    rate: float
    """Calls a second over the last minute."""
    outcomes: dict[str, int] = field(default_factory=dict)
    p50: float | None = None
    """Seconds."""
    p95: float | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    at: datetime | None = None
    """When this was written down."""
