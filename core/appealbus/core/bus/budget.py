"""How many bytes of appeals a worker holds: one budget for those that it claims and those that arrive."""

from appealbus.core.bus.decoding import MAX_BYTES

MOST = 12 * 1024 * 1024
"""Bytes of appeals in flight, as the journal keeps them. In memory, with its dossier on the way, an appeal takes up to
twelve times as much (one character outside the basic plane makes four bytes of each one): so a worker stays under
400 MB whatever it is sent, beside what a queue's `prefetch` holds unread. It is room for 3 of the largest messages, or
for 4,000 letters of the usual 3 kB."""
LARGEST = MAX_BYTES
"""Bytes of the largest appeal: a claim pays only where it would fit."""


class Budget:
    """Bytes that are taken and given back. An appeal larger than the whole budget fits if nothing else is taken."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._taken = 0

    @property
    def left(self) -> int:
        """How many bytes are free; negative while an appeal that is too large is held."""
        return self.most - self._taken

    @property
    def untouched(self) -> bool:
        """Whether no bytes are taken."""
        return not self._taken

    def fits(self, size: int) -> bool:
        """Say whether an appeal of so many bytes fits."""
        return size <= self.left or self.untouched

    def take(self, size: int) -> None:
        """Take so many bytes, whether they are free or not: an appeal that is held already counts in any case."""
        self._taken += size

    def give(self, size: int) -> None:
        """Give so many bytes back."""
        self._taken -= size
