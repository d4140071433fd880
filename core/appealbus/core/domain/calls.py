"""Calls of a source in the kept log, one by one and summed over time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from appealbus.core.domain.spans import Spans, by_code, quantile

FAILED = frozenset({"unavailable", "timed_out", "invalid"})
"""Outcomes caused by a failing source."""


class PastCall(NamedTuple):
    """A finished call, from `at` on; `code` is empty on success."""

    at: datetime
    kind: str
    code: str
    ms: int


@dataclass(frozen=True, slots=True)
class PastCalls:
    """Calls in the newest part of the log, by their ends. `since` None: empty; `whole`: all of the log."""

    since: datetime | None = None
    whole: bool = True
    calls: Sequence[PastCall] = ()

    def errors(self) -> list[tuple[str, int, datetime]]:
        """Return code, count and last time of failures, latest first."""
        return by_code((call.code or call.kind, call.at) for call in self.calls if call.kind in FAILED)


@dataclass(slots=True)
class CallSpan:
    """Sums over a span of time from `begins` on."""

    begins: datetime
    outcomes: Counter[str] = field(default_factory=Counter)
    took: list[int] = field(default_factory=list)
    """Milliseconds of each answered call."""

    @property
    def calls(self) -> int:
        return self.outcomes.total()

    @property
    def failed(self) -> int:
        """Calls that failed by the source's fault."""
        return sum(self.outcomes[kind] for kind in FAILED)

    def quantile(self, part: float) -> int | None:
        return quantile(self.took, part)


def spans(calls: Sequence[PastCall], now: datetime) -> tuple[timedelta, list[CallSpan]]:
    """Return the length of spans, and sums of calls over equal spans up to now."""
    of = Spans.over([call.at for call in calls], now)
    spans = [CallSpan(begins) for begins in of.begins]
    for call in calls:
        place = of.place(call.at)
        if place is not None:
            spans[place].outcomes[call.kind] += 1
            if call.kind not in FAILED:
                spans[place].took.append(call.ms)
    return of.step, spans
