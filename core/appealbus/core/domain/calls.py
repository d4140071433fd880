"""What the log still tells of a source: its calls, one after the other, and their sums over time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from appealbus.core.domain.spans import Spans, by_code, quantile

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
        return by_code((each.code or each.kind, each.at) for each in self.calls if each.kind in FAILED)


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
        return quantile(self.took, part)


def spans(calls: Sequence[PastCall], now: datetime) -> tuple[timedelta, list[CallSpan]]:
    """Return the sums of calls over equal spans up to now, and how long each is."""
    of = Spans.over([each.at for each in calls], now)
    found = [CallSpan(begins) for begins in of.begins]
    for each in calls:
        place = of.place(each.at)
        if place is not None:
            found[place].outcomes[each.kind] += 1
            if each.kind not in FAILED:
                found[place].took.append(each.ms)
    return of.step, found
