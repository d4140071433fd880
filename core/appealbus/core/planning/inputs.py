"""Inputs of a lookup: the paths that feed a field of its query, how those stand that they go through, and a draft."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from appealbus.core.interfaces.lookup import Query
from appealbus.core.planning.lineage import Lineage
from appealbus.core.planning.paths import Path, Value, values
from appealbus.schemas.dossier import Input
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

Roots = Mapping[str | None, BaseModel]
"""Where paths start: the appeal under None, and a record of each upstream lookup that has one."""


@dataclass(frozen=True, slots=True)
class InputState:
    """How a lookup stands that another takes an input from.

    Attributes:
        how: its outcomes, in words.
        found: whether it has a record.
        pending: whether it may still find one more.

    """

    how: str
    found: bool
    pending: bool


@dataclass(frozen=True, slots=True)
class InputBinding:
    """One field of a query and the paths that feed it."""

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
        """Whether the appeal itself can give the field a value."""
        return any(path.lookup is None for path in self.paths)

    def candidates(self, roots: Roots) -> Iterator[Value]:
        """Yield the values for the field, in the order of the paths."""
        for path in self.paths:
            root = roots.get(path.lookup)
            taken = False
            for value in values(path, root) if root is not None else ():
                taken = True
                yield value
            if taken and not self.union:
                return

    def waits_for(self, roots: Roots, standings: Mapping[str, InputState]) -> str | None:
        """Return the lookup that must end before the field has its value, if there is one.

        A later path never stands in for one whose lookup may still find something: the question would change.
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
    """A question that is ready to be put, or the outcome of one that cannot be."""

    key: str
    inputs: tuple[Input, ...] = ()
    query: Query | None = None
    outcome: Outcome[Record] | None = None
    lineage: Lineage = field(default_factory=dict)
    """The elements of lists that it comes from."""
