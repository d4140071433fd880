"""Finds rows of different bodies that claim the same question in the same place at the same time."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from appealbus.plugins.competence.rows import Row, together
from appealbus.plugins.competence.scope import ALL, Scope, category_chain, territory_chain

_TOLD = 20
"""Maximum number of overlaps reported."""
_PAIRS = 500_000
"""Maximum number of pairs compared, which takes some seconds: in a table of equal rows every row pairs with every
other."""


def shared(one: Row, other: Row, *, places_alone: bool = False) -> tuple[str, str] | None:
    """Return a category and a territory that both rows claim, or None if there is none; days are ignored."""
    place = _common(one.places, other.places, territory_chain)
    if place is None or places_alone:
        return None if place is None else (ALL, place)
    category = _common(one.questions, other.questions, category_chain)
    return None if category is None else (category, place)


def _common(one: Scope, other: Scope, chain_of: Callable[[str], frozenset[str]]) -> str | None:
    for first, second in ((one, other), (other, one)):
        for node in sorted(first.inside):
            chain = chain_of(node)
            outside = first.outside | second.outside
            if not second.inside.isdisjoint(chain) and outside.isdisjoint(chain):
                return node
    return None


def overlaps(rows: Sequence[Row]) -> list[str]:
    """Describe overlaps between different bodies: there the assessor can only say that several may be competent."""
    texts: list[str] = []
    seen: set[tuple[str, str]] = set()
    for looked_at, (one, other) in enumerate(_pairs(rows)):
        if looked_at >= _PAIRS or len(texts) >= _TOLD:
            texts.append("there may be more rows that overlap: mend these, and look again")
            break
        names = (min(one.said.id, other.said.id), max(one.said.id, other.said.id))
        if names in seen or one.said.bin == other.said.bin or not together(one, other):
            continue
        seen.add(names)
        both = shared(one, other)
        if both is not None:
            where = both[1].ljust(9, "0") if both[1] else "the whole country"
            texts.append(f"rows {names[0]} and {names[1]} overlap: category {both[0] or '*'}, territory {where}")
    return texts


def _pairs(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    same: dict[tuple[str, str], list[Row]] = defaultdict(list)
    within: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        for category in row.questions.inside:
            for place in row.places.inside:
                same[category, place].append(row)
                for over in territory_chain(place) - {place}:
                    within[category, over].append(row)
    for row in rows:
        for category in sorted(row.questions.inside):
            for over in sorted(category_chain(category)):
                for place in sorted(row.places.inside):
                    lists = [same.get((over, prefix), ()) for prefix in sorted(territory_chain(place))]
                    for those in (*lists, within.get((over, place), ())):
                        yield from ((row, other) for other in those if other is not row)
