"""What each kind of write has: an item with its fields, the function that does a group of them, and its result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import wraps
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from sqlalchemy import Connection

from appealbus.core import clocks
from appealbus.core.errors import JournalError
from appealbus.core.journal.key import JournalKey
from appealbus.core.journal.part_rows import NOTHING, Kept

R_co = TypeVar("R_co", covariant=True)


class Filler(Protocol):
    """What the journal knows that the fields of an item need."""

    actor: str

    def now(self) -> datetime:
        """Return the moment by the journal's clock."""

    @property
    def epoch(self) -> int:
        """The epoch in which things are numbered."""

    @property
    def key(self) -> JournalKey:
        """The key of marks."""


class Filled:
    """The default of a field that the journal fills in, by a function of itself and the item."""

    def __init__(self, value: Callable[[Filler, Any], Any]) -> None:
        self.value = value


# `Any`, as each is the default of a field of another type.
ACTOR: Any = Filled(lambda journal, _: journal.actor)
NOW: Any = Filled(lambda journal, _: journal.now())
"""By the journal's clock, which what is due and what is old are counted by."""
WALL: Any = Filled(lambda *_: clocks.wall())
"""The time of day."""
EPOCH: Any = Filled(lambda journal, _: journal.epoch)


def filled(value: Callable[[Filler, Any], Any]) -> Any:
    return Filled(value)


@dataclass(frozen=True, slots=True)
class Write(Generic[R_co]):
    """An item to write with `Journal.do`, which returns its result.

    The function that does it is bound to the class by `each` or `batch`. A JournalError that it returns for an item
    fails that one alone.
    """

    run: ClassVar[Callable[[Connection, Sequence[Any]], Sequence[Any]]]
    lane: ClassVar[str] = ""
    """On PostgreSQL each lane has a writer of its own, so that its locks delay no other writes; empty: the main one."""
    turn: ClassVar[int] = 0
    """When it is done within a transaction: after all whose number is less."""
    _filled: ClassVar[Sequence[tuple[str, Filled]]] = ()

    @classmethod
    def batch(
        cls, run: Callable[[Connection, Sequence[Self]], Sequence[R_co | JournalError]]
    ) -> Callable[[Connection, Sequence[Self]], Sequence[R_co | JournalError]]:
        """Bind a function that does all items of a group in few statements."""
        cls.run = run
        cls._filled = [(field.name, field.default) for field in fields(cls) if isinstance(field.default, Filled)]
        return run

    @classmethod
    def each(
        cls, do: Callable[[Connection, Self], R_co | JournalError]
    ) -> Callable[[Connection, Sequence[Self]], Sequence[R_co | JournalError]]:
        """Bind a function that does one item after the other."""

        @wraps(do)
        def run(connection: Connection, items: Sequence[Self]) -> list[R_co | JournalError]:
            return [do(connection, item) for item in items]

        return cls.batch(run)

    def bare(self) -> tuple[Self, Kept]:
        """Return it without the rows of parts, and these: where the database does not take them it is written so."""
        return self, NOTHING

    def filled_by(self, journal: Filler) -> Self:
        blank = {name: value.value(journal, self) for name, value in self._filled if getattr(self, name) is value}
        return replace(self, **blank) if blank else self


class Posted(Write[R_co]):
    """A write about an appeal that `Journal.post` queues."""

    __slots__ = ()
    appeal_id: int

    @property
    def is_large(self) -> bool:
        """Whether it is worth waiting for until it is written, or the queue would hold many of its size."""
        return False
