"""Pseudo-random numbers determined by a key alone, the same on every machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import gcd
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """An endless stream of numbers for one key. Does not use `random`, which may change between Python versions."""

    __slots__ = ("_block", "_key", "_left")

    def __init__(self, *key: object) -> None:
        self._key = "\x1f".join(map(str, key)).encode()
        self._block = 0
        self._left = b""

    def below(self, bound: int) -> int:
        """Return a number in 0 … bound-1, for bounds up to 2**32."""
        if not self._left:
            self._left = blake2b(self._key, salt=self._block.to_bytes(8, "big")).digest()
            self._block += 1
        number = int.from_bytes(self._left[:4], "big")
        self._left = self._left[4:]
        return number * bound >> 32

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def share(self) -> float:
        """Return a number from 0 up to, but not including, 1."""
        return self.below(1 << 32) / (1 << 32)

    def chance(self, probability: float) -> bool:
        return self.share() < probability

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        return "".join(str(self.below(10)) for _ in range(count))


@dataclass(frozen=True, slots=True)
class Scatter:
    """A bijection of 0 … space-1 onto itself, from indices to places."""

    space: int
    factor: int
    offset: int
    inverse: int

    @classmethod
    def of(cls, space: int, *key: object) -> "Scatter":
        draw = Draw("scatter", *key)
        # A factor far from both ends scatters neighbours; it must share no divisor with the space.
        factor = space // 3 + draw.below(max(1, space // 3)) + 1
        while gcd(factor, space) != 1:
            factor += 1
        return cls(space, factor, draw.below(space), pow(factor, -1, space))

    def place(self, index: int) -> int:
        return (index * self.factor + self.offset) % self.space

    def index(self, place: int) -> int:
        return (place - self.offset) * self.inverse % self.space
