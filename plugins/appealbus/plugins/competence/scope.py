"""Parts of two trees, of questions and of territories: whether something lies within, may lie within, or does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

ALL = ""
"""The root of either tree: every question, the whole country."""


class Match(Enum):
    """Whether it lies within."""

    YES = "yes"
    MAYBE = "maybe"
    """What is known of it is too coarse to say."""
    NO = "no"


def both(one: Match, other: Match) -> Match:
    """Return whether it lies within two things at once."""
    if Match.NO in (one, other):
        return Match.NO
    return Match.YES if one is other is Match.YES else Match.MAYBE


@lru_cache(maxsize=65536)  # of codes there are some thousands
def category_chain(code: str) -> frozenset[str]:
    """Return a code of the classifier with all above it: `10.02` lies in `10`."""
    parts = [] if code in ("*", ALL) else code.split(".")
    return frozenset((ALL, *(".".join(parts[:end]) for end in range(1, len(parts) + 1))))


@lru_cache(maxsize=65536)  # КАТО has some 9,000 codes
def stem(kato: str) -> str:
    """Return what all codes within a parsed КАТО code begin with: two, four, six or nine digits."""
    for end in (2, 4, 6):
        if not kato[end:].strip("0"):
            return kato[:end]
    return kato


@lru_cache(maxsize=65536)
def territory_chain(stem_: str) -> frozenset[str]:
    """Return a stem with those of all territories that it lies in."""
    return frozenset((ALL, stem_, *(stem_[:end] for end in (2, 4, 6) if end < len(stem_))))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a row says of one tree.

    Attributes:
        inside: nodes that are its matter, with all below.
        outside: nodes that are not, with all below.
        above: nodes over those inside, without them.
        above_outside: nodes over those outside, without them.

    """

    inside: frozenset[str]
    outside: frozenset[str]
    above: frozenset[str]
    above_outside: frozenset[str]

    @classmethod
    def of(cls, inside: Iterable[frozenset[str]], outside: Iterable[frozenset[str]]) -> "Scope":
        """Make one of the chains of its nodes."""
        within, without = [list(chains) for chains in (inside, outside)]
        return cls(
            frozenset(map(_lowest, within)),
            frozenset(map(_lowest, without)),
            frozenset(node for chain in within for node in chain if node != _lowest(chain)),
            frozenset(node for chain in without for node in chain if node != _lowest(chain)),
        )

    def match(self, node: str, chain: frozenset[str]) -> Match:
        """Say whether a node, with all above it in the chain, lies within."""
        if not self.outside.isdisjoint(chain):
            return Match.NO
        if self.inside.isdisjoint(chain):
            return Match.MAYBE if node in self.above else Match.NO
        return Match.MAYBE if node in self.above_outside else Match.YES


def _lowest(chain: frozenset[str]) -> str:
    return max(chain, key=len)
