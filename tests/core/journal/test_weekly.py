"""Appeals by week, on both databases."""

from datetime import UTC, date, datetime, timedelta

import pytest

from appealbus.core.domain.counts import WeekCount, WeekPart
from appealbus.core.journal import figures
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant, Place, QuestionCategory

MONDAY = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
"""Midnight in Kazakhstan, where it is Monday the 23rd."""
_SECOND = timedelta(seconds=1)


async def accept(journal: Journal, serial: int, at: datetime, category: str | None, kato: str | None) -> None:
    appeal = Appeal(
        message_id=f"m{serial}",
        kind=AppealKind.COMPLAINT,
        applicant=PersonApplicant(surname="Серіков"),
        category=None if category is None else QuestionCategory(code=category),
        place=None if kato is None else Place(kato=kato),
        text="Қоқыс туралы",
    )
    await journal.accept(NewAppeal(appeal, at, "appealbus"))


@pytest.fixture
async def weeks(journal: Journal) -> Journal:
    """Seven appeals at the turn of two weeks."""
    for serial, (at, category, kato) in enumerate(
        [
            (MONDAY - _SECOND, "land", "271010000"),
            (MONDAY - _SECOND, "land", "271010000"),
            (MONDAY, "land", "271010000"),
            (MONDAY, "land", "273620100"),
            (MONDAY + _SECOND, None, None),
            (MONDAY + timedelta(days=7) - _SECOND, "waste", "273620100"),
            (MONDAY + _SECOND, "land", "351010000"),
        ],
        1,
    ):
        await accept(journal, serial, at, category, kato)
    return journal


async def test_each_week_begins_on_monday_in_kazakhstan(weeks: Journal) -> None:
    """Appeals are counted by the week of the country's zone, by category and by place, absent ones too."""
    counted = await weeks.ask(figures.week_counts)
    before, this = date(2026, 11, 16), date(2026, 11, 23)
    assert sorted(counted.rows, key=lambda row: row.first_id) == [
        WeekCount(before, "land", "271010000", 2, 1, 2),
        WeekCount(this, "land", "271010000", 1, 3, 3),
        WeekCount(this, "land", "273620100", 1, 4, 4),
        WeekCount(this, None, None, 1, 5, 5),
        WeekCount(this, "waste", "273620100", 1, 6, 6),
        WeekCount(this, "land", "351010000", 1, 7, 7),
    ]
    assert (counted.upto, counted.last, counted.epoch) == (7, 7, 1)


async def test_whoever_goes_on_counts_each_once(weeks: Journal) -> None:
    """Pages of two appeals sum up to all of them, and behind the last one there is nothing."""
    seen, after = 0, 0
    while rows := (page := await weeks.ask(figures.week_counts, after, 2)).rows:
        assert sum(row.appeals for row in rows) <= 2
        seen, after = seen + sum(row.appeals for row in rows), page.upto
    assert (seen, after, page.last) == (7, 7, 7)


async def test_the_appeals_of_a_week_are_found_by_category_and_place(weeks: Journal) -> None:
    """The newest come first; a place is a whole region or a district, and none is everywhere."""

    async def found(monday: date = date(2026, 11, 23), **about: str) -> list[int]:
        return [row.appeal_id for row in await weeks.ask(figures.appeals_of_week, WeekPart(monday, 1, 7, **about))]

    assert await found() == [7, 6, 5, 4, 3]
    assert await found(category="land") == [7, 4, 3]
    assert await found(places="27") == [6, 4, 3]
    assert await found(category="land", places="2736") == [4]
    assert await found(date(2026, 11, 16)) == [2, 1]
    assert await found(places="%") == []
