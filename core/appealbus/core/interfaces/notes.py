"""What a reading noticed beside its record: elements nobody takes, optional values that could not be read, and
where the reply breaks its schema."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from appealbus.core.domain.usual import Usual

MOST_PATHS = 50
"""Different paths that are counted of one reply: a contract that changed shows in a few, a hostile reply has no end."""
MOST_OF_A_SOURCE = 100
"""Different paths that are counted of one source: they are labels of a metric, of which a page must not have many."""
OTHER = "other"
MORE = "more"
"""Stands for differences whose places nobody looked for: in a large message, or after the first hundreds."""


class ReplyCheck(StrEnum):
    """What becomes of a reply that breaks its schema."""

    STRICT = "strict"
    """It is invalid."""
    LENIENT = "lenient"
    """What the record needs decides; a value that the schema does not allow is none. Differences are counted."""
    OFF = "off"
    """It is not compared with its schema."""


@dataclass(slots=True)
class Notes:
    """Paths, and how often each; never a value. Each reply has some: a Counter would take ten times as long to make."""

    check: ReplyCheck = ReplyCheck.STRICT
    """How replies are compared with the schema of a plugin."""

    unread: dict[str, int] = field(default_factory=dict)
    """Elements that no declaration takes. Their names are the sender's: one that may hide a number is told as `*`."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """Declared optional values that are absent from the record because they could not be read."""

    differences: dict[str, int] = field(default_factory=dict)
    """Places where replies break their schema, by names that the schema knows; all others are told as `*`."""

    meaningless: tuple[str, ...] = ()
    """How paths end of elements that no schema knows and nobody needs."""
    gaps: list[tuple[Any, Any]] = field(default_factory=list)
    """Elements in which the schema misses something, each with the local name of that, or with the element that it
    does not know and that may be it."""
    unknown: set[str] = field(default_factory=set)
    """Fields of the records that the reply may tell of and nobody could read: `rights[*].holder`."""

    unchecked: set[str] = field(default_factory=set)
    """Fields of the records that stand where the schema leaves all open."""
    causes: set[str] = field(default_factory=set)
    """Paths of elements that nobody declares, beside which a field is unknown."""
    compared: bool = False
    """Whether a schema says what may be in the reply."""
    names: frozenset[str] = frozenset()
    """Of what it declares: what has another name and breaks nothing stands where it leaves all open."""
    usual: Usual | None = None
    """What usually comes: where no schema says what may, an element that is new may be what a reader misses."""
    beside: dict[str, set[str]] = field(default_factory=dict)
    """By path of an element that nobody declares, names of those that were told beside it."""

    def is_meaningless(self, path: str) -> bool:
        """Say whether somebody has said of an element that it tells nothing."""
        return f"/{path}".endswith(tuple(f"/{end}" for end in self.meaningless))

    def leave_unread(self, path: str) -> None:
        """Count an element that nobody takes."""
        _count(self.unread, path)

    def drop(self, path: str) -> None:
        """Count a value that could not be read."""
        _count(self.unreadable, path)

    def differ(self, path: str) -> None:
        """Count a place where a reply breaks its schema."""
        _count(self.differences, path)

    def add(self, more: "Notes") -> None:
        """Add what was noted of one reply to what was of a source; paths beyond the first hundred count as `other`."""
        for total, counts in (
            (self.unread, more.unread),
            (self.unreadable, more.unreadable),
            (self.differences, more.differences),
        ):
            for path, count in counts.items():
                name = path if path in total or len(total) < MOST_OF_A_SOURCE else OTHER
                total[name] = total.get(name, 0) + count


def _count(counts: dict[str, int], path: str) -> None:
    if path in counts or len(counts) < MOST_PATHS:
        counts[path] = counts.get(path, 0) + 1
