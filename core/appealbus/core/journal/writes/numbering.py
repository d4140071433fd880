"""Numbers of appeals: the register's own, or the next of the bus's series, without gaps."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql

from appealbus.core.journal import bulk, series
from appealbus.core.journal.tables import appeal, counter

_IN_USE = select(appeal.c.number).where(appeal.c.number.in_(bindparam("numbers", expanding=True)))
_BETWEEN = select(appeal.c.number).where(appeal.c.number.between(bindparam("first"), bindparam("last")))
_AHEAD = 10_000
"""Numbers looked at together: 200,000 that are taken cost twenty looks into an index."""
_COUNTERS = (
    select(counter.c.name, counter.c.value)
    .where(counter.c.name.in_(bindparam("names", expanding=True)))
    .order_by(counter.c.name)
    .with_for_update()
)


class Wanted(Protocol):
    """What gets a number."""

    @property
    def foreign(self) -> str | None:
        """The number that it came with, where that is none of the bus's own."""

    @property
    def series(self) -> str:
        """The series that its number comes from otherwise."""


def lock_counters(connection: Connection, names: set[str]) -> dict[str, int]:
    """Return where the counters stand, locked: on PostgreSQL this lets one process accept at a time."""
    last = dict.fromkeys(sorted(names), 0)
    known = {row.name: row.value for row in connection.execute(_COUNTERS, {"names": list(last)})}
    missing = [{"name": name, "value": 0} for name in last if name not in known]
    if missing and connection.dialect.name == "postgresql":
        # A row that is not there cannot be locked: two that begin a year together would give the same numbers.
        connection.execute(postgresql.insert(counter).on_conflict_do_nothing(), missing)
        known = {row.name: row.value for row in connection.execute(_COUNTERS, {"names": list(last)})}
    return last | known


class Numbers:
    """Gives numbers to a group: the register's own, or the next of the series, passing over those in use.

    Args:
        connection: to the journal.
        items: the group.
        last: where the counters of its series stand, locked; counted on as numbers are given.

    """

    def __init__(self, connection: Connection, items: Sequence[Wanted], last: dict[str, int]) -> None:
        self._connection = connection
        self._last = last
        wanted = [item.foreign for item in items if item.foreign is not None]
        self._checked = {name: value + len(items) for name, value in last.items()}
        for name in {item.series for item in items}:
            wanted += [series.numbered(name, value) for value in range(last[name] + 1, self._checked[name] + 1)]
        self._used = set(connection.execute(_IN_USE, {"numbers": bulk.padded(wanted)}).scalars())

    def give(self, item: Wanted) -> str:
        """Return the number for a new appeal: the one that it came with, if no other has it."""
        given = item.foreign
        if given is None or given in self._used:
            given = self._next(item.series)
        self._used.add(given)
        return given

    def _next(self, name: str) -> str:
        while True:
            self._last[name] += 1
            if self._last[name] > self._checked[name]:
                self._look_ahead(name)
            number = series.numbered(name, self._last[name])
            if number not in self._used:
                return number

    def _look_ahead(self, name: str) -> None:
        """Learn at once which of the next thousands are in use: an older program let channels take them in advance."""
        first = self._last[name]
        # Texts of one length are in the order of their values.
        self._checked[name] = min(first + _AHEAD, 10 ** max(8, len(str(first))) - 1)
        ends = {"first": series.numbered(name, first), "last": series.numbered(name, self._checked[name])}
        self._used |= set(self._connection.execute(_BETWEEN, ends).scalars())
