"""What the log still tells of a receiver: what it confirmed and what failed, and the sums over time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from appealbus.core.domain.event import What
from appealbus.core.domain.spans import Spans, by_code, quantile


class PastHandover(NamedTuple):
    """One attempt to hand a version over.

    Attributes:
        at: when it ended.
        what: `delivered`, `failed`, or `set_aside` where the receiver will never take it.
        code: why it failed; empty where it was delivered.
        waited: whole seconds from the making of the version on; None: it was not delivered, or the version is gone.

    """

    at: datetime
    what: str
    code: str = ""
    waited: int | None = None


@dataclass(frozen=True, slots=True)
class PastHandovers:
    """The attempts in the newest part of the log.

    Attributes:
        since: when that part begins; None: nothing is in it.
        whole: whether it is all of the log.
        attempts: in the order in which they ended.

    """

    since: datetime | None = None
    whole: bool = True
    attempts: Sequence[PastHandover] = ()

    def errors(self) -> list[tuple[str, int, datetime]]:
        """Return by code how many attempts failed so, and the last one; what came last first."""
        return by_code((each.code, each.at) for each in self.attempts if each.what != What.DELIVERED)


@dataclass(slots=True)
class HandoverSpan:
    """What happened from `begins` on."""

    begins: datetime
    delivered: int = 0
    failed: int = 0
    """Attempts that come again by themselves."""
    refused: int = 0
    """Versions that the receiver will never take."""
    waited: list[int] = field(default_factory=list)
    """Seconds of each version that was delivered."""

    @property
    def not_taken(self) -> int:
        """Attempts at whose end the receiver did not have the version, whatever comes of it."""
        return self.failed + self.refused

    def quantile(self, part: float) -> int | None:
        """Return within how many seconds so great a part of the versions was delivered; None: there was none."""
        return quantile(self.waited, part)


def handover_spans(attempts: Sequence[PastHandover], now: datetime) -> tuple[timedelta, list[HandoverSpan]]:
    """Return the sums of attempts over equal spans up to now, and how long each is."""
    of = Spans.over([each.at for each in attempts], now)
    found = [HandoverSpan(begins) for begins in of.begins]
    for each in attempts:
        place = of.place(each.at)
        if place is None:
            continue
        span = found[place]
        if each.what == What.DELIVERED:
            span.delivered += 1
        elif each.what == What.SET_ASIDE:
            span.refused += 1
        else:
            span.failed += 1
        if each.waited is not None:
            span.waited.append(each.waited)
    return of.step, found
