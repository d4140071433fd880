"""Answers that are kept with their ETag, so that what has not changed does not travel again."""

from collections import OrderedDict
from threading import Lock

from appealbus.client.wire import Answer

Key = tuple[str, ...]


class Cache:
    """Keeps the answers used last, in memory alone; threads and tasks may share it.

    They are dossiers: give `Cache(entries=0)` to a client that shall keep none.

    Args:
        entries: how many answers are kept.
        size: bytes that they have together at most.

    """

    def __init__(self, entries: int = 256, size: int = 16 * 1024 * 1024) -> None:
        self._entries = entries
        self._size = size
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: Key) -> Answer | None:
        """Return what is kept under a key."""
        with self._lock:
            answer = self._kept.get(key)
            if answer is not None:
                self._kept.move_to_end(key)
            return answer

    def keep(self, key: Key, answer: Answer) -> None:
        """Keep an answer that has an ETag, and let go of those used least recently."""
        with self._lock:
            old = self._kept.pop(key, None)
            self._bytes -= len(old.body) if old is not None else 0
            if "etag" not in answer.headers or len(answer.body) > self._size:
                return
            self._kept[key] = answer
            self._bytes += len(answer.body)
            while len(self._kept) > self._entries or self._bytes > self._size:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest.body)
