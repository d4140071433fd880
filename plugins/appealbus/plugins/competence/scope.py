"""Parts of two trees, categories and territories: a node may be within, perhaps within, or outside."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

ALL = ""
"""Root of both trees: every question, the whole country."""


class Match(Enum):
    YES = "yes"
    MAYBE = "maybe"
    """The appeal's data is too coarse to tell."""
    NO = "no"


def both(one: Match, other: Match) -> Match:
    """Combine two conditions that must both hold."""
    if Match.NO in (one, other):
        return Match.NO
    return Match.YES if one is other is Match.YES else Match.MAYBE


@lru_cache(maxsize=65536)  # of codes there are some thousands
def category_chain(code: str) -> frozenset[str]:
    """Return a category code with all codes above it: `10.02` gives also `10`."""
    parts = [] if code in ("*", ALL) else code.split(".")
    return frozenset((ALL, *(".".join(parts[:end]) for end in range(1, len(parts) + 1))))


@lru_cache(maxsize=65536)  # КАТО has some 9,000 codes
def stem(kato: str) -> str:
    """Return the common prefix of all codes within a parsed КАТО code: two, four, six or nine digits."""
    for end in (2, 4, 6):
        if not kato[end:].strip("0"):
            return kato[:end]
    return kato


@lru_cache(maxsize=65536)
def territory_chain(stem_: str) -> frozenset[str]:
    """Return a stem with those of all territories around it."""
    return frozenset((ALL, stem_, *(stem_[:end] for end in (2, 4, 6) if end < len(stem_))))


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of one tree.

    Attributes:
        inside: roots of included subtrees.
        outside: roots of excluded subtrees.
        above: ancestors of `inside`, without those nodes.
        above_outside: ancestors of `outside`, without those nodes.
    """

    inside: frozenset[str]
    outside: frozenset[str]
    above: frozenset[str]
    above_outside: frozenset[str]

    @classmethod
    def of(cls, inside: Iterable[frozenset[str]], outside: Iterable[frozenset[str]]) -> "Scope":
        """Build a scope from nodes, each given as its chain up to the root."""
        within, without = [list(chains) for chains in (inside, outside)]
        return cls(
            frozenset(map(_lowest, within)),
            frozenset(map(_lowest, without)),
            frozenset(node for chain in within for node in chain if node != _lowest(chain)),
            frozenset(node for chain in without for node in chain if node != _lowest(chain)),
        )

    def match(self, node: str, chain: frozenset[str]) -> Match:
        """Match a node; `chain` has the node and all its ancestors."""
        if not self.outside.isdisjoint(chain):
            return Match.NO
        if self.inside.isdisjoint(chain):
            return Match.MAYBE if node in self.above else Match.NO
        return Match.MAYBE if node in self.above_outside else Match.YES


def _lowest(chain: frozenset[str]) -> str:
    return max(chain, key=len)
