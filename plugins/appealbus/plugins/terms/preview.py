"""Which open terms move where the law or the calendar changes, and by how much: before that is applied."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from appealbus.core import AppealRow, Case
from appealbus.core.domain.waiting import DueMoved
from appealbus.core.due_dates import Counted
from appealbus.plugins.terms.calendar import UnknownYear
from appealbus.plugins.terms.clock import Told, due_on
from appealbus.plugins.terms.norms import Law

_PAGE = 500
"""Appeals that are read at once: with their texts, some ten megabytes."""
Others = Callable[[Told], Counted]
"""Counts by all terms but these: of several the earliest day counts."""


class Pages(Protocol):
    """What of the journal is read."""

    async def appeals(self, after: int = 0, limit: int = 100) -> list[AppealRow]:
        """Return a page of appeals."""

    async def cases(self, ids: Sequence[int]) -> list[Case]:
        """Return appeals by id."""


@dataclass(frozen=True, slots=True)
class Move:
    """An open appeal and how its term moves."""

    number: str
    appeal_id: int
    now: date | None
    then: date | None
    register: date | None
    """What its register says; the bus goes by that."""

    @property
    def days(self) -> int | None:
        """By how many days; None where it has no term before or after."""
        return None if self.now is None or self.then is None else (self.then - self.now).days


@dataclass(slots=True)
class Preview:
    """What a look at all open appeals has found."""

    open: int
    moves: list[Move]
    unknown: list[str]
    """Numbers of those whose term lies in a year that the calendar does not have then, and nobody else counts."""
    failed: list[str]
    """Numbers of those over which other terms failed: they may be due earlier."""


@dataclass(slots=True)
class Left:
    """Open appeals that stay as they are."""

    unknown: int = 0
    """Their terms lie in a year that the calendar does not have, and nobody else counts them."""
    failed: int = 0
    """Other terms failed over them, which may count an earlier day."""


async def open_cases(journal: Pages) -> AsyncIterator[Case]:
    """Go through the appeals that nothing has ended, oldest first."""
    after = 0
    while page := await journal.appeals(after, _PAGE):
        for case in await journal.cases([row.appeal_id for row in page if row.closed is None]):
            yield case
        after = page[-1].appeal_id


async def stale(journal: Pages, law: Law, others: Others, left: Left) -> AsyncIterator[DueMoved]:
    """Go through the open appeals that the bus works by another day than it counts now; the rest is noted in `left`.

    Those are passed over whose register says until when.
    """
    async for case in open_cases(journal):
        if case.appeal.due_on is not None:
            continue
        told = Told.of(case)
        also = others(told)
        due, is_known = _counted(told, law, also)
        if also.failed:
            left.failed += 1
        elif not is_known:
            left.unknown += 1
        elif due != case.due_on:
            yield DueMoved(case.appeal_id, case.due_on, due)


async def preview(journal: Pages, now: Law, then: Law, others: Others) -> Preview:
    """Return which open terms are others by another law, those that are due first before the others."""
    found = Preview(0, [], [], [])
    async for case in open_cases(journal):
        found.open += 1
        told, number = Told.of(case), case.receipt.number
        also = others(told)
        due, is_known = _counted(told, then, also)
        if also.failed:
            found.failed.append(number)
        elif not is_known:
            found.unknown.append(number)
        else:  # a year that comes with the other calendar gives a day where there was none
            before, _ = _counted(told, now, also)
            if before != due:
                found.moves.append(Move(number, case.appeal_id, before, due, case.appeal.due_on))
    found.moves.sort(key=lambda each: (each.then or date.max, each.number))
    return found


def _counted(told: Told, law: Law, also: Counted) -> tuple[date | None, bool]:
    """Return the earliest day by the law and by the others, as the bus does, and whether that is known."""
    try:
        due = due_on(told, law)
    except UnknownYear:
        return also.day, also.day is not None
    return min((each for each in (due, also.day) if each is not None), default=None), True
