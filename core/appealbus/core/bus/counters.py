"""Counters for monitoring; they only grow."""

from collections import Counter
from collections.abc import Iterator

_NAMES = 100
"""Names counted individually: more than there are channels. A sender that invents names cannot grow the metrics
page."""
OTHER = "other"


class Tally:
    """Counts events by name and result. Names beyond the first hundred are counted as `other`."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, result: str) -> None:
        if name not in self._names:
            if len(self._names) < _NAMES:
                self._names.add(name)
            else:
                name = OTHER
        self._counts[name, result] += 1

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        return ((name, result, count) for (name, result), count in list(self._counts.items()))
