"""What the log still tells of a source: its calls, one after the other, and their sums over time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_STEPS = [timedelta(minutes=n) for n in (1, 5, 15, 60, 180, 360, 1440, 10_080)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 48
"""Spans that one look tells apart."""
FAILED = frozenset({"unavailable", "timed_out", "invalid"})
"""Outcomes that are the source's fault."""


class PastCall(NamedTuple):
    """One call that ended.

    Attributes:
        at: when it left.
        kind: of its outcome.
        code: of its outcome; empty where all went well.
        ms: milliseconds that it took.

    """

    at: datetime
    kind: str
    code: str
    ms: int


@dataclass(frozen=True, slots=True)
class PastCalls:
    """The calls in the newest part of the log.

    Attributes:
        since: when that part begins; None: nothing is in it.
        whole: whether it is all of the log.
        calls: in the order in which questions ended.

    """

    since: datetime | None = None
    whole: bool = True
    calls: Sequence[PastCall] = ()

    def errors(self) -> list[tuple[str, int, datetime]]:
        """Return by code how many calls failed so, and the last one; what came last first."""
        counts, last = Counter[str](), dict[str, datetime]()
        for each in self.calls:
            if each.kind in FAILED:
                code = each.code or each.kind
                counts[code] += 1
                last[code] = max(each.at, last.get(code, each.at))
        return sorted(((code, counts[code], last[code]) for code in counts), key=lambda one: one[2], reverse=True)


@dataclass(slots=True)
class CallSpan:
    """What happened from `begins` on."""

    begins: datetime
    outcomes: Counter[str] = field(default_factory=Counter)
    took: list[int] = field(default_factory=list)
    """Milliseconds of each call that was answered."""

    @property
    def calls(self) -> int:
        """How many calls."""
        return self.outcomes.total()

    @property
    def failed(self) -> int:
        """How many of them failed by the source's fault."""
        return sum(self.outcomes[kind] for kind in FAILED)

    def quantile(self, part: float) -> int | None:
        """Return within how many milliseconds so great a part of the answers came; None: there were none."""
        took = sorted(self.took)
        return took[min(len(took) - 1, int(part * len(took)))] if took else None


def spans(calls: Sequence[PastCall], now: datetime) -> tuple[timedelta, list[CallSpan]]:
    """Return the sums of calls over equal spans up to now, 48 at most, and how long each is.

    Spans begin at whole multiples of their length. What is from the future, by a clock that went back, is in the last.
    """
    if not calls:
        return _STEPS[0], []
    first = min(each.at for each in calls)
    step = next((each for each in _STEPS if now - first < each * (_MOST - 1)), _STEPS[-1])
    last = _begins(now, step)
    start = min(last, max(_begins(first, step), last - step * (_MOST - 1)))
    found = [CallSpan(start + step * n) for n in range((last - start) // step + 1)]
    for each in calls:
        place = min((each.at - start) // step, len(found) - 1)
        if place >= 0:
            found[place].outcomes[each.kind] += 1
            if each.kind not in FAILED:
                found[place].took.append(each.ms)
    return step, found


def _begins(at: datetime, step: timedelta) -> datetime:
    return _EPOCH + (at - _EPOCH) // step * step
