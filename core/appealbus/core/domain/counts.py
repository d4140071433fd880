"""Counts of the journal's contents."""

from dataclasses import dataclass, field
from datetime import datetime

from appealbus.core.domain.feed import FeedReader


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
