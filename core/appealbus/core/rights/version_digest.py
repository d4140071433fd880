"""How versions look, remembered, so that it need not be found out again whether the next one looks the same."""

from collections import OrderedDict

_REMEMBERED = 100_000
"""Versions, some 300 bytes each. With less, a reader of the feed has earlier versions read again."""


class Looks:
    """By viewer, number and version the digest of what is seen; the newest, so many of them.

    Args:
        most: how many are remembered.

    """

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._epoch = 0
        self._digests: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()

    def in_epoch(self, epoch: int) -> None:
        """Forget all where the epoch is another one than before: a version of that number may say something else."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._digests.clear()

    def of(self, eyes: str, number: str, version: int) -> bytes | None:
        """Return how a version looks to those eyes; None where nobody remembers."""
        found = self._digests.get((eyes, number, version))
        if found is not None:
            self._digests.move_to_end((eyes, number, version))
        return found

    def remember(self, eyes: str, number: str, version: int, digest: bytes) -> None:
        """Remember how it looks, and forget what was not asked for the longest."""
        self._digests[eyes, number, version] = digest
        self._digests.move_to_end((eyes, number, version))
        while len(self._digests) > self._most:
            self._digests.popitem(last=False)
