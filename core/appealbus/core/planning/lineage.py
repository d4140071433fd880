"""Which elements of which lists a question comes from, so that only what belongs together meets in the next one."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from appealbus.core.planning.paths import Path, Value
from appealbus.schemas.record import Record

Lineage: TypeAlias = Mapping[str, Set[Hashable]]
"""The elements by the list that they stand in: `parcels[*]` of the appeal, the records of `egkn.parcel`, or
`egkn.parcel/rights[*]` of these. None stands for: from none of this list, though it might have been."""


@dataclass(frozen=True, slots=True)
class Known:
    """A record that an upstream lookup found, and where its question came from; without that it goes with every one."""

    record: Record
    lineage: Lineage = field(default_factory=dict)


Chosen: TypeAlias = Mapping[str, Known]
"""One record, or none, of each upstream lookup: records that belong together."""


def joined(names: Sequence[str], known: Mapping[str, Sequence[Known]]) -> Iterator[tuple[Chosen, Lineage]]:
    """Yield the records that belong together, one of each lookup at most, with what they have in common.

    Two belong together unless they come from different elements of one list. A record without a partner comes alone.
    """
    indexes = [_Index(known.get(name, ())) for name in names]
    if not any(index.known for index in indexes):
        yield {}, {}
        return
    met: set[int] = set()
    for first, index in enumerate(indexes):
        for each in index.known:
            if id(each) not in met:
                yield from _extend({names[first]: each}, each.lineage, names[first + 1 :], indexes[first + 1 :], met)


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
    """The records of one lookup by the elements that they come from: a hundred with a hundred is not ten thousand."""

    def __init__(self, known: Sequence[Known]) -> None:
        self.known = known
        self._by: dict[str, dict[Hashable, list[Known]]] = defaultdict(lambda: defaultdict(list))
        for each in known:
            for name, elements in each.lineage.items():
                for element in elements:
                    self._by[name][element].append(each)

    def partners(self, lineage: Lineage) -> Iterator[tuple[Known, Lineage]]:
        for each in self._near(lineage):
            common = meet(lineage, each.lineage)
            if common is not None:
                yield each, common

    def _near(self, lineage: Lineage) -> Sequence[Known]:
        """Return the fewest records among which all partners are."""
        nearest = self.known
        for name, elements in lineage.items():
            of_list = self._by.get(name)
            if of_list is None or len(elements) >= len(nearest) or any(name not in each.lineage for each in nearest):
                continue
            near = {id(each): each for element in elements for each in of_list.get(element, ())}
            if len(near) < len(nearest):
                nearest = list(near.values())
        return nearest


def meet(one: Lineage, other: Lineage) -> Lineage | None:
    """Return what the two have in common; None if they come from different elements of one list."""
    common = {**one, **other}
    for name in one.keys() & other.keys():
        both = one[name] & other[name]
        if not both:
            return None
        common[name] = both
    return common


def elements_of(value: Value, paths: Sequence[Path], chosen: Chosen) -> Lineage:
    """Return the elements that a value stands in; for the lists of the other paths that might have given it, none."""
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
