"""Deliveries to a receiver in the kept log, one by one and summed over time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from appealbus.core.domain.event import What
from appealbus.core.domain.spans import Spans, by_code, quantile


class PastHandover(NamedTuple):
    """One delivery attempt.

    Attributes:
        what: `delivered`, `failed`, or `set_aside` if permanently refused.
        waited: whole seconds from the version's creation to its delivery; None: not delivered, or version deleted.
    """

    at: datetime
    what: str
    code: str = ""
    waited: int | None = None


@dataclass(frozen=True, slots=True)
class PastHandovers:
    """Delivery attempts in the newest part of the log, by their ends. `since` None: empty; `whole`: all of the log."""

    since: datetime | None = None
    whole: bool = True
    attempts: Sequence[PastHandover] = ()

    def errors(self) -> list[tuple[str, int, datetime]]:
        """Return code, count and last time of failures, latest first."""
        return by_code((attempt.code, attempt.at) for attempt in self.attempts if attempt.what != What.DELIVERED)


@dataclass(slots=True)
class HandoverSpan:
    """Sums over a span of time from `begins` on."""

    begins: datetime
    delivered: int = 0
    failed: int = 0
    """Attempts that are repeated automatically."""
    refused: int = 0
    """Permanently refused versions."""
    waited: list[int] = field(default_factory=list)
    """Seconds per delivered version."""

    @property
    def not_taken(self) -> int:
        return self.failed + self.refused

    def quantile(self, part: float) -> int | None:
        return quantile(self.waited, part)


def handover_spans(attempts: Sequence[PastHandover], now: datetime) -> tuple[timedelta, list[HandoverSpan]]:
    """Return the length of spans, and sums of attempts over equal spans up to now."""
    of = Spans.over([attempt.at for attempt in attempts], now)
    spans = [HandoverSpan(begins) for begins in of.begins]
    for attempt in attempts:
        place = of.place(attempt.at)
        if place is None:
            continue
        span = spans[place]
        if attempt.what == What.DELIVERED:
            span.delivered += 1
        elif attempt.what == What.SET_ASIDE:
            span.refused += 1
        else:
            span.failed += 1
        if attempt.waited is not None:
            span.waited.append(attempt.waited)
    return of.step, spans
