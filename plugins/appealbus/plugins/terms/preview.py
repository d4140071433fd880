"""Which open terms move where the law or the calendar changes, and by how much: before that is applied."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from appealbus.core import AppealRow, Case
from appealbus.core.domain.waiting import DueMoved
from appealbus.plugins.terms.calendar import UnknownYear
from appealbus.plugins.terms.clock import Told, due_on
from appealbus.plugins.terms.norms import Law

_PAGE = 500
"""Appeals that are read at once: with their texts, some ten megabytes."""


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
    """Numbers of those whose term lies in a year that the calendar does not have, then or now."""


async def open_cases(journal: Pages) -> AsyncIterator[Case]:
    """Go through the appeals that nothing has ended, oldest first."""
    after = 0
    while page := await journal.appeals(after, _PAGE):
        for case in await journal.cases([row.appeal_id for row in page if row.closed is None]):
            yield case
        after = page[-1].appeal_id


async def stale(journal: Pages, law: Law) -> AsyncIterator[DueMoved | None]:
    """Go through the open appeals that the bus works by another day than is counted now; None: one has no day.

    Those are left out whose register says until when.
    """
    async for case in open_cases(journal):
        if case.appeal.due_on is not None:
            continue
        try:
            due = due_on(Told.of(case), law)
        except UnknownYear:
            yield None
            continue
        if due != case.due_on:
            yield DueMoved(case.appeal_id, case.due_on, due)


async def preview(journal: Pages, now: Law, then: Law) -> Preview:
    """Return which open terms are others by another law, those that are due first before the others."""
    found = Preview(0, [], [])
    async for case in open_cases(journal):
        found.open += 1
        told = Told.of(case)
        try:
            move = Move(case.receipt.number, case.appeal_id, due_on(told, now), due_on(told, then), case.appeal.due_on)
        except UnknownYear:
            found.unknown.append(case.receipt.number)
            continue
        if move.now != move.then:
            found.moves.append(move)
    found.moves.sort(key=lambda each: (each.then or date.max, each.number))
    return found
