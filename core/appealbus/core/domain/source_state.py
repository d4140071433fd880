"""The state of a source."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from appealbus.core.domain.certificate import CertificateState
from appealbus.core.domain.usual import Usual


class BreakerState(StrEnum):
    """What the breaker does with the next question."""

    CLOSED = "closed"
    """Lets it pass."""
    OPEN = "open"
    """Refuses it."""
    HALF_OPEN = "half_open"
    """Lets one pass as a probe, refuses the others until that has ended."""


MOST_BESIDE = 5


@dataclass(frozen=True, slots=True)
class Drift:
    """A field whose form in replies no longer matches its lookup.

    Attributes:
        last_at: last affected reply; outdated after an hour.
        at: declaration of the field: `reading.py:78`.
        beside: undeclared elements that may replace it.
        share: percent of replies with it, before and now, if it fell without other explanation.
    """

    replies: int
    since: datetime
    last_at: datetime
    at: str = ""
    beside: tuple[str, ...] = ()
    share: tuple[int, int] | None = None

    def __add__(self, other: "Drift") -> "Drift":
        beside = tuple(sorted({*self.beside, *other.beside}))[:MOST_BESIDE]
        times = min(self.since, other.since), max(self.last_at, other.last_at)
        share = self.share and other.share and min(self.share, other.share)
        return Drift(self.replies + other.replies, *times, self.at or other.at, beside, share)


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
    unread: dict[str, int] = field(default_factory=dict)
    """Elements of its replies that no declaration takes, by path, since the start."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """Optional values that records lack because they could not be read, by path, since the start."""
    differences: dict[str, int] = field(default_factory=dict)
    """Places where its replies break their schema and were taken all the same, by path, since the start."""
    drifts: dict[str, Drift] = field(default_factory=dict)
    """Fields of its records that could not be read within the last hour, or are told far more seldom than before:
    `egkn.parcel/rights`."""
    usual: dict[str, Usual] = field(default_factory=dict)
    """By lookup what its replies usually hold."""
    certificates: tuple[CertificateState, ...] = ()
    """Those that its wire uses, without the names of whom they belong to."""
    paused_until: datetime | None = None
    """When a person's pause ends that holds now."""
    closed_until: datetime | None = None
    """When the window ends in which it is closed now."""
    quota_left: dict[str, int] = field(default_factory=dict)
    """Calls that are left of its quotas, by `day` and `month`."""
