"""Cache of version digests, to decide quickly whether the next version looks the same."""

from collections import OrderedDict

_REMEMBERED = 100_000
"""Versions, some 300 bytes each. With less, earlier versions are read again for the feed."""


class Looks:
    """Visible digests by viewer, number and version (LRU)."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._epoch = 0
        self._digests: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()

    def in_epoch(self, epoch: int) -> None:
        """Clear the cache if the epoch has changed: version numbers may have been reused."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._digests.clear()

    def of(self, eyes: str, number: str, version: int) -> bytes | None:
        digest = self._digests.get((eyes, number, version))
        if digest is not None:
            self._digests.move_to_end((eyes, number, version))
        return digest

    def remember(self, eyes: str, number: str, version: int, digest: bytes) -> None:
        self._digests[eyes, number, version] = digest
        self._digests.move_to_end((eyes, number, version))
        while len(self._digests) > self._most:
            self._digests.popitem(last=False)
