"""Sketches of texts: what is kept of each to find those that are like it, without reading a million.

The shingles of a text are hashed with the journal's key, and the 128 smallest hashes are its sketch: how many of the
128 smallest of two texts together are in both tells how much of the texts is the same (bottom-k).

The hash is tabulation (Carter and Wegman 1979): each character in each of five places has a number by chance, which
BLAKE2b makes of it with the key, and a shingle has the sum of these without carry. Minima of such hashes are as good as
those of chance (Pătraşcu and Thorup 2012). It takes a few calls for a whole text, where a hash for each shingle takes
a thousand: 0.3 ms, not 1.3, for 1,600 characters.
"""

import struct
from array import array
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from appealbus.core.texts import LENGTH, SHORTEST, normal

SIZE = 128
"""Hashes of a sketch: similarities are right within 0.09. With more, each appeal needs more room."""
INDEXED = 8
"""Of these the smallest are in the index: see `docs/repeats.md` for which share of copies is found by so many."""
_RANGE = 1 << 32
_AT_ONCE = 5000
"""Characters that are hashed at once, in some milliseconds: others get their turn between two such pieces."""
_CHARACTERS = 20_000
"""Characters whose numbers are remembered: two alphabets have some hundred, and a hostile text a million."""
_REMEMBERED, _SHORT = 128, 10_000
"""Texts whose sketches are remembered, and their most characters: one that is accepted is compared in a moment. With
more, some megabytes go for texts that nobody asks about again."""

_JOURNALS = 4
"""Journals whose sketchers are remembered: a process works one; a copy that is restored beside it is another."""

PURPOSE = "sketches of texts"

Sketch = tuple[int, ...]
"""The smallest hashes, each of 32 bits, in ascending order. Empty: the text is too short."""


class Sketcher:
    def __init__(self, secret: bytes) -> None:
        self._numbers = _Numbers(secret)
        self._known = lru_cache(_REMEMBERED)(self._drawn)

    def of(self, text: str) -> Sketch:
        return self._known(text) if len(text) <= _SHORT else self._drawn(text)

    def _drawn(self, text: str) -> Sketch:
        said = normal(text)
        lowest: list[int] = []
        for at in range(0, len(said), _AT_ONCE):
            hashes = self._hashes(said[at : at + _AT_ONCE + LENGTH - 1])
            if len(lowest) == SIZE:
                hashes = {digest for digest in hashes if digest < lowest[-1]}
            lowest = _lowest(hashes.union(lowest))
        return tuple(lowest) if len(lowest) >= SHORTEST else ()

    def _hashes(self, said: str) -> set[int]:
        count = len(said) - LENGTH + 1
        if count < 1:
            return set()
        if len(self._numbers) > _CHARACTERS:
            self._numbers.clear()
        numbers = array("I")
        numbers.frombytes(b"".join(map(self._numbers.__getitem__, said)))
        mixed = 0
        for place in range(LENGTH):
            # All shingles at once: a long number has a lane for each.
            lane = numbers[place * LENGTH + place :: LENGTH][:count]
            mixed ^= int.from_bytes(lane.tobytes(), "little")
        hashes = array("I")
        hashes.frombytes(mixed.to_bytes(hashes.itemsize * count, "little"))
        return set(hashes)


def _lowest(hashes: set[int]) -> list[int]:
    """Return the smallest hashes in order; of many only the likely ones are sorted."""
    below = 2 * SIZE * _RANGE // max(1, len(hashes))
    likely = [digest for digest in hashes if digest < below]
    return sorted(likely if len(likely) >= SIZE else hashes)[:SIZE]


sketcher_of = lru_cache(_JOURNALS)(Sketcher)
"""Returns the sketcher of a journal, by the secret of its key for `PURPOSE`."""


class _Numbers(dict[str, bytes]):
    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self._secret = secret

    def __missing__(self, character: str) -> bytes:
        made = blake2b(character.encode("utf-32-le", "surrogatepass"), key=self._secret, digest_size=4 * LENGTH)
        self[character] = made.digest()
        return self[character]


def packed(sketch: Sketch) -> bytes:
    """Return a sketch as it is stored: four bytes a hash, at most 512."""
    return struct.pack(f"<{len(sketch)}I", *sketch)


def unpacked(body: bytes) -> Sketch:
    count = len(body) // 4
    return struct.unpack(f"<{count}I", body[: 4 * count])


def likeness(one: Sequence[int], other: Sequence[int], least: float = 0.0) -> float:
    """Return the estimated similarity of two texts, 0.0 to 1.0; 0.0 if less than `least`."""
    both = set(one).intersection(other)
    count = min(SIZE, len(one) + len(other) - len(both))
    if len(both) < least * count or not count:  # most that share a hash share little else
        return 0.0
    smallest = sorted({*one, *other})[:SIZE]
    found = len(both.intersection(smallest)) / len(smallest)
    return found if found >= least else 0.0
