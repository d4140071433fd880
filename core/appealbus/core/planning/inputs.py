"""Inputs of a lookup: paths for a query field, the related records that lead to it, and drafts of questions."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, TypeAdapter, ValidationError

from appealbus.core.interfaces.lookup import Query
from appealbus.core.planning.paths import Path, Value, of_each, touch, values
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Input
from appealbus.schemas.notes import Notes
from appealbus.schemas.outcome import Outcome
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


Roots = Mapping[str | None, BaseModel]
"""Start of paths: the appeal under None, and a record per upstream lookup."""


@dataclass(frozen=True, slots=True)
class InputState:
    """State of an upstream lookup: outcomes in words, whether it has a record, and whether it may find more."""

    how: str
    found: bool
    pending: bool


@dataclass(frozen=True, slots=True)
class InputBinding:
    """A query field and the paths that feed it."""

    field: str
    paths: tuple[Path, ...]
    union: bool
    required: bool

    @property
    def fans_out(self) -> bool:
        """Whether the field can have several values."""
        return self.union or any(path.fans_out for path in self.paths)

    @property
    def of_appeal(self) -> bool:
        """Whether a path starts at the appeal."""
        return any(path.lookup is None for path in self.paths)

    def candidates(self, roots: Roots) -> Iterator[Value]:
        for path in self.paths:
            root = roots.get(path.lookup)
            taken = False
            for value in values(path, root) if root is not None else ():
                taken = True
                yield value
            if taken and not self.union:
                return

    def waits_for(self, roots: Roots, standings: Mapping[str, InputState]) -> str | None:
        """Return the lookup for which the field must wait, if any.

        A later path does not replace one whose lookup may still find something.
        """
        if self.union:
            return None
        for path in self.paths:
            root = roots.get(path.lookup)
            if root is None and path.lookup is not None and standings[path.lookup].pending:
                return path.lookup
            if root is not None and any(True for _ in values(path, root)):
                return None
        return None


@dataclass(frozen=True, slots=True)
class Draft:
    """A question, or the outcome of one that cannot be asked."""

    key: str
    inputs: tuple[Input, ...] = ()
    query: Query | None = None
    outcome: Outcome[Record] | None = None
    lineage: Lineage = field(default_factory=dict)
    """List elements from which it stems."""


UNKNOWN = "inputs.unknown"
"""Code of a question whose input may be in an unread part of the appeal."""
_TOKEN = re.compile(r"[^\s<>\"'={}\[\],]+")
_MOST = 5000
"""Words searched; a longer part is assumed to hold the input."""


def may_have(appeal: Appeal, path: Path, model: type[Query], field: str) -> bool:
    """Whether unread parts of the appeal may hold an input.

    Data set aside at the path counts. Unknown fields there or above also count, if they have the field's name or a
    distinctive text that it accepts.
    """
    given = {str(value.value) for value in values(path, appeal)}
    if path.lookup is not None or (given and not path.fans_out):
        return False
    known = {warning.field for warning in appeal.warnings if warning.code != "field.unknown"}
    takes = _taker(model, field)
    for entry in appeal.as_written:
        root = entry.field == Notes().root
        if not root and not touch(of_each(entry.field), path.text):
            continue
        if not root and entry.field in known:
            return True
        words = [word.strip(":") for word in _TOKEN.findall(entry.text)]
        if len(words) > _MOST or any(
            word.rpartition(":")[2] == path.steps[-1].name or (word not in given and takes(word)) for word in words
        ):
            return True
    return False


@lru_cache(maxsize=1000)
def _taker(model: type[Query], field: str) -> Callable[[str], bool]:
    declared = model.model_fields[field]
    taken: Any = Annotated[(declared.annotation, *declared.metadata)]
    adapter: TypeAdapter[Any] = TypeAdapter(taken)

    def takes(text: str) -> bool:
        try:
            value = adapter.validate_python(text)
        except ValidationError:
            return False
        return isinstance(value, str) and (value == text or not text.isdigit())  # a telephone is no parcel

    return (lambda _: False) if takes("?") else takes
