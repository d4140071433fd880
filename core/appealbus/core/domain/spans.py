"""Calls of sources and deliveries to receivers in the kept log: equal spans for charts, sums and rates."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from appealbus.core.domain.event import EventType

_STEPS = [timedelta(minutes=n) for n in (1, 5, 15, 60, 180, 360, 1440, 10_080)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 48


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of length `step`, aligned to multiples of that length; none without events."""

    step: timedelta = _STEPS[0]
    begins: Sequence[datetime] = ()

    @classmethod
    def over(cls, times: Sequence[datetime], now: datetime) -> "Spans":
        """Return spans that cover these times up to now, 48 at most."""
        if not times:
            return cls()
        first = min(times)
        step = next((step for step in _STEPS if now - first < step * (_MOST - 1)), _STEPS[-1])
        last = _begins(now, step)
        start = min(last, max(_begins(first, step), last - step * (_MOST - 1)))
        return cls(step, [start + step * n for n in range((last - start) // step + 1)])

    def place(self, at: datetime) -> int | None:
        """Return the index of a time's span; None before the first. Future times count in the last."""
        place = min((at - self.begins[0]) // self.step, len(self.begins) - 1)
        return place if place >= 0 else None


def _begins(at: datetime, step: timedelta) -> datetime:
    return _EPOCH + (at - _EPOCH) // step * step


def quantile(values: Sequence[int], part: float) -> int | None:
    """Return the quantile; None without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def by_code(failures: Iterable[tuple[str, datetime]]) -> list[tuple[str, int, datetime]]:
    """Return code, count and last time of failures, latest first."""
    counts, last = Counter[str](), dict[str, datetime]()
    for code, at in failures:
        counts[code] += 1
        last[code] = max(at, last.get(code, at))
    return sorted(((code, counts[code], last[code]) for code in counts), key=lambda one: one[2], reverse=True)


SPAN = timedelta(minutes=5)
"""Interval of a rate, long enough to bridge a channel's pause."""


@dataclass(frozen=True, slots=True)
class Pace:
    since: datetime
    until: datetime
    counts: Mapping[str, int] = field(default_factory=dict)

    def a_minute(self, *what: str) -> float:
        seconds = max(1.0, (self.until - self.since).total_seconds())
        return sum(self.counts.get(str(name), 0) for name in what) * 60 / seconds


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
        return by_code((attempt.code, attempt.at) for attempt in self.attempts if attempt.what != EventType.DELIVERED)


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
        if attempt.what == EventType.DELIVERED:
            span.delivered += 1
        elif attempt.what == EventType.SET_ASIDE:
            span.refused += 1
        else:
            span.failed += 1
        if attempt.waited is not None:
            span.waited.append(attempt.waited)
    return of.step, spans
