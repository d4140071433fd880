"""The budget of bytes that a worker holds, for claimed and arriving appeals together."""

from appealbus.core.bus.intake.decoding import MAX_BYTES

MOST = 12 * 1024 * 1024
"""Bytes of appeals in flight, as stored in the journal. In memory an appeal with its dossier takes up to twelve
times as much, so a worker stays under 400 MB, plus unread messages of a queue's `prefetch`."""
LARGEST = MAX_BYTES
"""Bytes of the largest appeal. A worker claims only if this much would fit."""


class Budget:
    """Counts bytes in use. An appeal larger than the whole budget fits if nothing else is taken."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._taken = 0

    @property
    def left(self) -> int:
        """Negative while an oversized appeal is held."""
        return self.most - self._taken

    @property
    def untouched(self) -> bool:
        return not self._taken

    def fits(self, size: int) -> bool:
        return size <= self.left or self.untouched

    def take(self, size: int) -> None:
        """Take bytes even if they are not free: an appeal that is already held must count."""
        self._taken += size

    def give(self, size: int) -> None:
        self._taken -= size
