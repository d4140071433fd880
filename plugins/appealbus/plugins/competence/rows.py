"""A row of the table, prepared for comparison with an appeal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from appealbus.plugins.competence.evidence import Matter
from appealbus.plugins.competence.scope import ALL, Match, Scope, both, category_chain, stem, territory_chain
from appealbus.plugins.competence.settings import BodySettings


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        said: the row as written in the file.
        questions: scope of categories.
        places: scope of territories.
    """

    said: BodySettings
    questions: Scope
    places: Scope

    @classmethod
    def of(cls, said: BodySettings) -> "Row":
        return cls(
            said,
            _questions(tuple(said.categories), tuple(said.except_categories)),
            _places(tuple(said.territory), tuple(said.except_territory)),
        )

    def counts_on(self, day: date) -> bool:
        said = self.said
        return (said.valid_from is None or said.valid_from <= day) and (
            said.valid_until is None or day <= said.valid_until
        )

    def match(self, matter: Matter) -> Match:
        about = self.questions.match(matter.category, matter.category_chain)
        return about if about is Match.NO else both(about, self.where(matter))

    def where(self, matter: Matter) -> Match:
        """Compare the appeal's places with the territory; MAYBE where only some of them match."""
        last = None
        for node, chain in matter.places.items():
            match = self.places.match(node, chain)
            if last is not None and match is not last:
                return Match.MAYBE
            last = match
        return last or Match.MAYBE

    def rules_out(self, matter: Matter) -> bool:
        """Whether the row itself excludes the matter, by its territory or by its exceptions."""
        return self.where(matter) is Match.NO or not self.questions.outside.isdisjoint(matter.category_chain)


@lru_cache(maxsize=65536)  # of 50,000 bodies most have the questions and the territory of some other
def _questions(within: Sequence[str], without: Sequence[str]) -> Scope:
    return Scope.of(map(category_chain, within), map(category_chain, without))


@lru_cache(maxsize=65536)
def _places(within: Sequence[str], without: Sequence[str]) -> Scope:
    inside, outside = ([territory_chain(stem(code)) for code in codes] for codes in (within, without))
    return Scope.of(inside or [frozenset({ALL})], outside)


def together(one: Row, other: Row) -> bool:
    starts = [row.said.valid_from or date.min for row in (one, other)]
    ends = [row.said.valid_until or date.max for row in (one, other)]
    return max(starts) <= min(ends)
