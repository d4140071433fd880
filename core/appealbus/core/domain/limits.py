"""What a worker says to the journal of a source's limits, and what it hears.

A worker sends a `Report` on each source and gets a `Grant` for each. Nothing else about limits passes between workers.
"""

from dataclasses import dataclass
from enum import StrEnum


class Probe(StrEnum):
    """Who finds out whether a source is back."""

    NOBODY = "nobody"
    MINE = "mine"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Need:
    """What one worker has and wants of a limit.

    Attributes:
        limit: what all workers may have together.
        held: until it hears more, the worker uses no more than this, or than `used` where that is more.
        used: what it uses now.
        wanted: what it could use.
        turn: seconds that it may keep what it has, where the limit is smaller than the number of those who want.

    """

    limit: int
    held: int
    used: int
    wanted: int
    turn: float


@dataclass(frozen=True, slots=True)
class BreakerNews:
    """What one worker has seen of a source since its last report.

    Attributes:
        era: the state that this is about; news of an earlier one says nothing about the source as it is now.
        failures: system failures since the last answer.
        succeeded: whether there was an answer, before those failures.
        asks: whether a question stands ready to be the probe.
        dropped: whether its probe ended without a verdict.

    """

    era: int = 0
    failures: int = 0
    succeeded: bool = False
    asks: bool = False
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How one worker stands with a source.

    Attributes:
        source: its name.
        lease: seconds until the others may have what this worker holds, if it is not heard of.
        calls: its need of calls in flight.
        parts: its need of the rate, in parts: each is a bucket for one token, `burst` of them together are the rate.
        rate: tokens a second of all parts together.
        returned: tokens that it had and gave up.
        news: for the breaker.
        breaker_failures: failures in a row that open the breaker.
        breaker_open: seconds for which it refuses.

    """

    source: str
    lease: float
    calls: Need
    parts: Need | None
    rate: float
    returned: float
    news: BreakerNews
    breaker_failures: int
    breaker_open: float


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker may use of a limit.

    Attributes:
        usable: so much from now on.
        counted: what the others count as its own: `usable`, or what it has not let go of yet.
        more_to_come: whether others still hold what is to be this worker's.
        others_wait: whether others wait for what this worker still holds.
        is_new: whether nothing was counted as its own before.

    """

    usable: int
    counted: int
    more_to_come: bool
    others_wait: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """What a worker may do with a source from now on, and how the breaker of all stands.

    Attributes:
        calls: its share of the calls in flight.
        parts: its share of the rate.
        tokens: that come with it.
        era: grows with each change of the breaker.
        failures: system failures in a row.
        opens_in: seconds until a probe may pass, 0 or less if it may now; None while the breaker is closed.
        probe: who probes.
        lease: seconds until the others may have what it holds.

    """

    calls: Share
    parts: Share | None
    tokens: float
    era: int
    failures: int
    opens_in: float | None
    probe: Probe
    lease: float
