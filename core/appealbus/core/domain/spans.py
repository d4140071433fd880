"""Events over time: equal spans for charts, and sums."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
