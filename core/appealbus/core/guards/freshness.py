"""The memory of answers that are still fresh."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace

from appealbus.core.guards.question import Ended
from appealbus.schemas.outcome import OutcomeKind

_LARGEST = 8 * 1024
"""Bytes of packed replies that are remembered with an answer: four times what most have. Of larger ones, an appeal that
was answered from memory has no replies of its own."""
REMEMBERED = frozenset({OutcomeKind.FOUND, OutcomeKind.NOT_FOUND})
"""What a register answers; everything else is worth asking again."""


class Freshness:
    """Keeps what the source answered for `ttl` seconds, at most `entries` of them; drops what was used least lately.

    For `stale` seconds an answer may still serve while the source cannot be asked.
    """

    def __init__(self, ttl: float, entries: int, *, clock: Callable[[], float], stale: float = 0.0) -> None:
        self._ttl = ttl
        self._longest = max(ttl, stale)
        self._stale = stale
        self._entries = entries
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Ended]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many answers are held."""
        return len(self._kept)

    def get(self, key: Hashable) -> Ended | None:
        """Return the answer to the question with this key, if there is one and it is fresh."""
        return self._within(key, self._ttl)

    def stale(self, key: Hashable) -> Ended | None:
        """Return the answer to this question if it is not too old to serve while the source cannot be asked."""
        return self._within(key, self._stale)

    def _within(self, key: Hashable, seconds: float) -> Ended | None:
        entry = self._kept.get(key)
        if entry is None:
            return None
        age = self._clock() - entry[0]
        if age >= self._longest:
            del self._kept[key]
        if age >= seconds:
            return None
        self._kept.move_to_end(key)
        return entry[1]

    def drop(self, key: Hashable) -> None:
        """Forget the answer to this question."""
        self._kept.pop(key, None)

    def put(self, key: Hashable, ended: Ended) -> None:
        """Keep an answer, if it is one."""
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
