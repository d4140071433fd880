"""Tracks which list elements a question stems from, so that only related values are combined."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from appealbus.core.planning.paths import Path, Value
from appealbus.schemas.record import Record

Lineage: TypeAlias = Mapping[str, Set[Hashable]]
"""Elements by list, such as `parcels[*]` of the appeal. None as an element: a possible list did not contribute."""


@dataclass(frozen=True, slots=True)
class Known:
    """A record of an upstream lookup, with its question's lineage; without lineage it combines with all."""

    record: Record
    lineage: Lineage = field(default_factory=dict)


Chosen: TypeAlias = Mapping[str, Known]
"""At most one record per upstream lookup; together they form a related combination."""


def joined(names: Sequence[str], known: Mapping[str, Sequence[Known]]) -> Iterator[tuple[Chosen, Lineage]]:
    """Yield combinations of related records, at most one per lookup, with their common lineage.

    Records are related unless they stem from different elements of one list. A record without partners comes alone.
    """
    indexes = [_Index(known.get(name, ())) for name in names]
    if not any(index.known for index in indexes):
        yield {}, {}
        return
    met: set[int] = set()
    for first, index in enumerate(indexes):
        for fact in index.known:
            if id(fact) not in met:
                yield from _extend({names[first]: fact}, fact.lineage, names[first + 1 :], indexes[first + 1 :], met)


def _extend(
    chosen: Chosen, lineage: Lineage, names: Sequence[str], indexes: Sequence["_Index"], met: set[int]
) -> Iterator[tuple[Chosen, Lineage]]:
    if not names:
        yield chosen, lineage
        return
    partners = list(indexes[0].partners(lineage))
    for partner, common in partners:
        met.add(id(partner))
        yield from _extend({**chosen, names[0]: partner}, common, names[1:], indexes[1:], met)
    if not partners:
        yield from _extend(chosen, lineage, names[1:], indexes[1:], met)


class _Index:
    """Indexes a lookup's records by lineage, so that joins avoid the full product."""

    def __init__(self, known: Sequence[Known]) -> None:
        self.known = known
        self._by: dict[str, dict[Hashable, list[Known]]] = defaultdict(lambda: defaultdict(list))
        for fact in known:
            for name, elements in fact.lineage.items():
                for element in elements:
                    self._by[name][element].append(fact)

    def partners(self, lineage: Lineage) -> Iterator[tuple[Known, Lineage]]:
        for fact in self._near(lineage):
            common = meet(lineage, fact.lineage)
            if common is not None:
                yield fact, common

    def _near(self, lineage: Lineage) -> Sequence[Known]:
        """Return a small superset of the related records."""
        nearest = self.known
        for name, elements in lineage.items():
            of_list = self._by.get(name)
            if of_list is None or len(elements) >= len(nearest) or any(name not in fact.lineage for fact in nearest):
                continue
            near = {id(fact): fact for element in elements for fact in of_list.get(element, ())}
            if len(near) < len(nearest):
                nearest = list(near.values())
        return nearest


def meet(one: Lineage, other: Lineage) -> Lineage | None:
    """Return the common lineage; None if they stem from different elements of one list."""
    common = {**one, **other}
    for name in one.keys() & other.keys():
        both = one[name] & other[name]
        if not both:
            return None
        common[name] = both
    return common


def elements_of(value: Value, paths: Sequence[Path], chosen: Chosen) -> Lineage:
    """Return the elements that hold a value; None for lists of alternative paths."""
    elements: dict[str, Set[Hashable]] = {}
    for path in paths:
        for name in path.lists:
            elements[name] = frozenset((None,))
    known = chosen.get(value.path.lookup) if value.path.lookup is not None else None
    # An element of a record is told apart by the record that it stands in, too.
    record = () if known is None else tuple(known.lineage.get(value.path.lookup or "", ()))
    for depth, name in enumerate(value.path.lists, 1):
        elements[name] = frozenset(((record, value.at[:depth]),))
    return elements
