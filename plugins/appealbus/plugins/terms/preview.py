"""Preview of the open terms that a change of law or calendar would move."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date

from appealbus.core import Case
from appealbus.core.management import JournalReader, appeals
from appealbus.core.management.appeals import DueMoved
from appealbus.core.serving import Counted
from appealbus.plugins.terms.calendar import UnknownYear
from appealbus.plugins.terms.clock import TermInputs, due_on
from appealbus.plugins.terms.norms import Law

_PAGE = 500
"""Appeals in one read; with their texts, some ten megabytes."""
Others = Callable[[TermInputs], Counted]
"""Combined terms of other plugins: the earliest day applies."""


@dataclass(frozen=True, slots=True)
class Move:
    number: str
    now: date | None
    then: date | None
    days: int | None
    """By how many it moves; None without a term before or after."""
    register: date | None
    """Due date of the register, which takes precedence."""


@dataclass(slots=True)
class Preview:
    open: int
    moves: list[Move]
    unknown: list[str]
    """Appeals whose term is then in an unknown year, and that no other plugin counts."""
    failed: list[str]
    """Appeals for which other terms failed: they may be due earlier."""


@dataclass(slots=True)
class Left:
    """Number of open appeals that stay unchanged."""

    unknown: int = 0
    """Their term is in an unknown year, and no other plugin counts them."""
    failed: int = 0
    """Other terms failed, which may give an earlier day."""


async def open_cases(journal: JournalReader) -> AsyncIterator[Case]:
    after = 0
    while page := await journal.ask(appeals.appeals, after, _PAGE):
        for case in await journal.ask(appeals.cases, [row.appeal_id for row in page if row.closed is None]):
            yield case
        after = page[-1].appeal_id


async def stale(journal: JournalReader, law: Law, others: Others, left: Left) -> AsyncIterator[DueMoved]:
    """Yield open appeals whose stored due date is outdated; the uncountable ones are counted in `left`.

    Appeals with a due date from the register are skipped.
    """
    async for case in open_cases(journal):
        if case.appeal.due_on is not None:
            continue
        data = TermInputs.of(case)
        also = others(data)
        due, is_known = _counted(data, law, also)
        if also.failed:
            left.failed += 1
        elif not is_known:
            left.unknown += 1
        elif due != case.due_on:
            yield DueMoved(case.appeal_id, case.due_on, due)


async def preview(journal: JournalReader, now: Law, then: Law, others: Others) -> Preview:
    """Compare the open terms under two laws; the moves are sorted by due date."""
    preview = Preview(0, [], [], [])
    async for case in open_cases(journal):
        preview.open += 1
        data, number = TermInputs.of(case), case.receipt.number
        also = others(data)
        due, is_known = _counted(data, then, also)
        if also.failed:
            preview.failed.append(number)
        elif not is_known:
            preview.unknown.append(number)
        else:  # a year that comes with the other calendar gives a day where there was none
            before, _ = _counted(data, now, also)
            if before != due:
                days = None if before is None or due is None else (due - before).days
                preview.moves.append(Move(number, before, due, days, case.appeal.due_on))
    preview.moves.sort(key=lambda move: (move.then or date.max, move.number))
    return preview


def _counted(data: TermInputs, law: Law, also: Counted) -> tuple[date | None, bool]:
    """Return the earliest day by the law and the others, as in the bus, and whether it is certain."""
    try:
        due = due_on(data, law)
    except UnknownYear:
        return also.day, also.day is not None
    return min((day for day in (due, also.day) if day is not None), default=None), True
