"""The state of a source, its certificate, and the appeals that go on when it is back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from appealbus.core.clocks import day_of
from appealbus.core.domain.usual import Usual
from appealbus.core.lazy_text import LazyText, told

SOON = timedelta(days=30)
"""Warning time before the end: an authority takes days to issue a new one, a state's longer."""

PURPOSES = (told("signs our questions"), told("signs its answers"), told("issues certificates"))
"""Known purposes, so that catalogues include them."""


@dataclass(frozen=True, slots=True)
class CertificateState:
    """One certificate, as its file says.

    Attributes:
        name: of its file, or what else tells it from the wire's others; without personal data.
        purpose: what it is for, in words: `signs our questions`.
        subject: the common name of whom it belongs to, which may be a person's: it is shown by `check` alone, and goes
            into no journal, metric or log.
        not_before: from when on it counts.
        not_after: until when.
    """

    name: str
    purpose: str
    subject: str
    not_before: datetime
    not_after: datetime

    def trouble(self, now: datetime) -> LazyText | None:
        """Return why it does not count, or soon will not; None where all is well."""
        names = {"name": self.name, "purpose": told(self.purpose)}
        if now < self.not_before:
            return told(
                "certificate {name} ({purpose}) counts only from {since} UTC on",
                **names,
                since=f"{self.not_before:%Y-%m-%d %H:%M}",
            )
        if self.is_over(now):
            return told("certificate {name} ({purpose}) ended on {day}: renew it", **names, day=day_of(self.not_after))
        if self.not_after - now < SOON:
            return told(
                "certificate {name} ({purpose}) ends on {day}: have it renewed", **names, day=day_of(self.not_after)
            )
        return None

    def is_over(self, now: datetime) -> bool:
        """Return whether it counts no longer."""
        return now > self.not_after


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


Place = tuple[int, int]
"""Position in a list by urgency: urgency and id of the last appeal."""

SETTLED = timedelta(seconds=120)
"""Time after a recovery in which older runs may still end."""
HEARD = timedelta(seconds=5)
"""Time after a recovery in which workers may still see the source as away."""


@dataclass(frozen=True, slots=True)
class TakeIn:
    """A request to resume some appeals parked for a source.

    Attributes:
        back_at: the recovery, by the clock that stamps questions' ends.
        now: by the journal's clock.
        by: the worker as an actor.
        places: progress, by reason of waiting.
        settled: longest run; later parking knew of the recovery.
    """

    source: str
    back_at: datetime
    lookups: Collection[str]
    limit: int
    now: datetime
    by: str
    places: Mapping[str, Place] = field(default_factory=dict)
    settled: timedelta = SETTLED


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Number of resumed appeals, new progress, and whether none are left."""

    count: int
    places: Mapping[str, Place]
    over: bool
