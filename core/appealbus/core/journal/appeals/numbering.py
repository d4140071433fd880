"""Numbers of appeals: the register's own, or the next of the bus's series, without gaps.

There is a series for each year, and a new one after each restore.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql

from appealbus.core.journal.drivers import direct
from appealbus.core.journal.tables import appeal, counter


def series_of(prefix: str, year: int, epoch: int) -> str:
    """Return what the numbers of a series begin with: `AB-2026`, and `AB-2026-2` once the journal was restored."""
    return f"{prefix}-{year}" if epoch == 1 else f"{prefix}-{year}-{epoch}"


def numbered(series: str, value: int) -> str:
    return f"{series}-{value:08d}"


def is_own(number: str, prefix: str) -> bool:
    """Whether the bus might give this number in any year or epoch, so that nobody else may."""
    return re.fullmatch(rf"{re.escape(prefix)}-\d{{4,}}(-\d+)?-\d{{8,}}", number, re.ASCII) is not None


_COUNTERS = (
    select(counter.c.name, counter.c.value)
    .where(direct.among(counter.c.name, "names"))
    .order_by(counter.c.name)
    .with_for_update()
)
_FIRST = postgresql.insert(counter).values(name=bindparam("name"), value=0).on_conflict_do_nothing()
_IN_USE = select(appeal.c.number).where(direct.among(appeal.c.number, "numbers"))
_BETWEEN = select(appeal.c.number).where(appeal.c.number.between(bindparam("first"), bindparam("last")))
_GREATEST = _BETWEEN.order_by(appeal.c.number.desc()).limit(1)
_MOST = 10**8 - 1
"""The last number of eight digits. Texts of one length are in the order of their values, whatever the database's is."""
_AHEAD = 10_000
"""Numbers looked at together: 200,000 that are taken cost twenty looks into an index."""


class NeedsNumber(Protocol):
    @property
    def foreign(self) -> str | None:
        """The number it came with, unless that is one of our own series."""

    @property
    def series(self) -> str:
        """The series that otherwise gives its number."""


class Numbers:
    """Gives numbers to a group: the register's own, or the next of the series, passing over those in use."""

    def __init__(self, connection: Connection, last: dict[str, int], used: set[str], checked: dict[str, int]) -> None:
        self._connection = connection
        self.last = last
        """Where the counters stand."""
        self._used = used
        self._checked = checked

    @classmethod
    def locked(
        cls, connection: Connection, items: Sequence[NeedsNumber], counters: Sequence[str], *more: direct.Bound
    ) -> "tuple[Numbers, list[list[Any]]]":
        """Lock the counters of the series and of `counters`; return the numbers, and the answers to `more`.

        On PostgreSQL this lets one process accept at a time. All that is needed then is asked at once, as others wait.
        """
        own = sorted({item.series for item in items})
        names = sorted({*own, *counters})
        foreign = [item.foreign for item in items if item.foreign is not None]
        ends = [{"first": numbered(name, 0), "last": numbered(name, _MOST)} for name in own]
        bound: list[direct.Bound] = [(_COUNTERS, {"names": names}), (_IN_USE, {"numbers": foreign})]
        bound += [(_GREATEST, end) for end in ends]
        stand, used, *rest = direct.ask(connection, *bound, *more)
        if len(stand) < len(names) and connection.dialect.name == "postgresql":
            # A row that is not there cannot be locked: two that begin a year together would give the same numbers.
            for name in names:
                direct.run(connection, _FIRST, {"name": name})
            stand, used, *rest = direct.ask(connection, *bound, *more)
        last = dict.fromkeys(names, 0) | dict(stand)
        checked = {name: _free(name, last[name], rows) for name, rows in zip(own, rest, strict=False)}
        return cls(connection, last, {row.number for row in used}, checked), rest[len(own) :]

    def give(self, item: NeedsNumber) -> str:
        """Return the number of a new appeal: the one it came with, unless that is taken."""
        given = item.foreign
        if given is None or given in self._used:
            given = self._next(item.series)
        self._used.add(given)
        return given

    def _next(self, name: str) -> str:
        while True:
            self.last[name] += 1
            if self.last[name] > self._checked[name]:
                self._look_ahead(name)
            number = numbered(name, self.last[name])
            if number not in self._used:
                return number

    def _look_ahead(self, name: str) -> None:
        """Learn at once which of the next thousands are in use: an older program let channels take them in advance."""
        first = self.last[name]
        self._checked[name] = min(first + _AHEAD, 10 ** max(8, len(str(first))) - 1)
        ends = {"first": numbered(name, first), "last": numbered(name, self._checked[name])}
        self._used |= {row.number for row in direct.ask(self._connection, (_BETWEEN, ends))[0]}


def _free(name: str, last: int, greatest: Sequence[Any]) -> int:
    """Return up to which number of a series nothing can be taken: all, if the last one given is the greatest."""
    return _MOST if not greatest or greatest[0].number == numbered(name, last) else last
