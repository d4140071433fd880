"""Counts for monitoring: numbers that only grow."""

from collections import Counter
from collections.abc import Iterator

_NAMES = 100
"""Names that are counted each by itself: more channels than anybody has. With more, a sender that makes up names makes
the page of metrics longer."""
OTHER = "other"


class Tally:
    """How often something happened, by a name that an intake may choose and by how it ended.

    Names beyond the first hundred are counted as `other`: a page of metrics stays bounded whatever comes in.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, result: str) -> None:
        """Count one."""
        if name not in self._names:
            if len(self._names) < _NAMES:
                self._names.add(name)
            else:
                name = OTHER
        self._counts[name, result] += 1

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        """Go through name, result and count."""
        return ((name, result, count) for (name, result), count in list(self._counts.items()))
