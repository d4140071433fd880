"""Cache of fresh answers."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace

from appealbus.core.guards.question import Ended
from appealbus.schemas.outcome import OutcomeKind

_LARGEST = 8 * 1024
"""Bytes of packed replies cached with an answer, four times the usual size; larger ones are not cached."""
REMEMBERED = frozenset({OutcomeKind.FOUND, OutcomeKind.NOT_FOUND})
"""Answers of a register; anything else is worth asking again."""


class Freshness:
    """Keeps answers for `ttl` seconds, and stale ones for `stale` more; at most `entries` of them (LRU)."""

    def __init__(self, ttl: float, entries: int, *, clock: Callable[[], float], stale: float = 0.0) -> None:
        self._ttl = ttl
        self._longest = max(ttl, stale)
        self._stale = stale
        self._entries = entries
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Ended]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, *, stale: bool = False) -> Ended | None:
        """Return the fresh answer for this key, or one that may serve while the source cannot be asked, or None."""
        entry = self._kept.get(key)
        if entry is None:
            return None
        age = self._clock() - entry[0]
        if age >= self._longest:
            del self._kept[key]
        if age >= (self._stale if stale else self._ttl):
            return None
        self._kept.move_to_end(key)
        return entry[1]

    def drop(self, key: Hashable) -> None:
        self._kept.pop(key, None)

    def put(self, key: Hashable, ended: Ended) -> None:
        """Keep the result if it is an answer of the register."""
        if self._longest <= 0 or ended.outcome.kind not in REMEMBERED:
            return
        now = self._clock()
        replies = ended.replies if ended.replies is None or len(ended.replies.packed) <= _LARGEST else None
        self._kept[key] = (now, replace(ended, replies=replies, written=None))
        self._kept.move_to_end(key)
        # Personal data does not stay longer than it serves, as far as a look at the old end can tell.
        while self._kept and (
            len(self._kept) > self._entries or now - next(iter(self._kept.values()))[0] >= self._longest
        ):
            self._kept.popitem(last=False)
