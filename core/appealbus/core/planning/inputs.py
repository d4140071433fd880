"""Inputs of a lookup: paths for a query field, states of upstream lookups, and drafts of questions."""

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
