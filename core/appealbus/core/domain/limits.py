"""Messages between a worker and the journal about a source's limits.

A worker sends a `Report` on each source and gets a `Grant` for each. Workers exchange nothing else about limits.
"""

from dataclasses import dataclass
from enum import StrEnum


class Probe(StrEnum):
    NOBODY = "nobody"
    MINE = "mine"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Need:
    """A worker's usage and demand of a limit.

    Attributes:
        limit: total for all workers.
        held: most that the worker will use until the next grant, unless `used` is higher.
        wanted: possible usage.
        turn: seconds to keep a share if the limit is smaller than the number of claimants.
    """

    limit: int
    held: int
    used: int
    wanted: int
    turn: float


@dataclass(frozen=True, slots=True)
class BreakerNews:
    """Observations of a source since the worker's last report.

    Attributes:
        era: breaker state observed; news of an older one is ignored.
        failures: system failures since the last answer.
        succeeded: whether an answer preceded them.
        asks: whether a question is ready as the probe.
        dropped: whether the probe ended without a verdict.
    """

    era: int = 0
    failures: int = 0
    succeeded: bool = False
    asks: bool = False
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A worker's report on a source.

    Attributes:
        lease: seconds until other workers get its shares if it is silent.
        parts: parts of the rate, each a bucket for one token; `burst` parts make up the rate.
        rate: tokens per second of all parts.
        returned: tokens given back.
        breaker_failures: consecutive failures that open the breaker.
        breaker_open: seconds of an open breaker.
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
    """A worker's share of a limit.

    Attributes:
        usable: allowed usage from now on.
        counted: usage attributed to the worker: `usable`, or an older share not yet released.
        more_to_come: whether others still hold a part of its share.
        others_wait: whether others wait for a part it still holds.
        is_new: whether it had nothing before.
    """

    usable: int
    counted: int
    more_to_come: bool
    others_wait: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A worker's permissions for a source, and the shared breaker's state.

    Attributes:
        tokens: included tokens.
        era: counts changes of the breaker.
        failures: consecutive system failures.
        opens_in: seconds until a probe may pass, ≤ 0: now; None: breaker closed.
        lease: seconds until other workers get its shares.
    """

    calls: Share
    parts: Share | None
    tokens: float
    era: int
    failures: int
    opens_in: float | None
    probe: Probe
    lease: float
