"""How many bytes of appeals a worker has in its hands: one budget for what it claims and for what arrives."""

MOST = 12 * 1024 * 1024
"""Bytes of appeals in flight, as the journal keeps them. In memory, with its dossier on the way, an appeal takes up to
twelve times as much (one character outside the basic plane makes four bytes of each one): so a worker stays under
400 MB whatever it is sent, beside what a queue's `prefetch` holds unread. It is room for 3 of the largest messages, or
for 4,000 letters of the usual 3 kB."""
LARGEST = 4 * 1024 * 1024
"""Bytes of the largest message that is taken."""


class Budget:
    """Bytes that are taken and given back. What is larger than all of it fits where nothing else is taken."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._taken = 0

    @property
    def left(self) -> int:
        """How many are free; less than none while something too large is in hand."""
        return self._most - self._taken

    @property
    def untouched(self) -> bool:
        """Whether nothing is taken."""
        return not self._taken

    def fits(self, size: int) -> bool:
        """Say whether so many are free."""
        return size <= self.left or self.untouched

    def take(self, size: int) -> None:
        """Take so many, free or not: what is in hand already counts whatever was planned."""
        self._taken += size

    def give(self, size: int) -> None:
        """Give so many back."""
        self._taken -= size
