"""What holds of terms whatever is told of an appeal, in whatever order, by whatever calendar."""

import random
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appealbus.core import KeptChange
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.terms.calendar import Calendar, CalendarFile, made
from appealbus.plugins.terms.clock import due_on, read_clock
from appealbus.plugins.terms.norms import Law
from appealbus.plugins.terms.reckoning import reckon
from appealbus.plugins.terms.words import DayKind
from appealbus.schemas import AppealKind
from appealbus.schemas.change import AnswerResult, Change, ChangeKind
from tests.plugins.terms.making import LAW, told

BODIES = [None, {"name": "А", "bin": "940340000421"}, {"name": "Б", "bin": "680340077935"}, {"name": "В"}]
TODAY = date(2025, 6, 1)


def days_of(year: int) -> tuple[list[date], st.SearchStrategy[tuple[list[date], date, int, list[date]]]]:
    """Return the days of a week of work, and what may be said of them: made once, for each draw costs."""
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    week = [day for day in days if day.weekday() < 5 and day.day > 2]
    weekend = [day for day in days if day.weekday() >= 5]
    off = st.lists(st.sampled_from(week), max_size=60, unique=True)
    working = st.lists(st.sampled_from(weekend), max_size=20, unique=True)
    return week, st.tuples(off, st.sampled_from(week), st.integers(0, 25), working)


DAYS = {year: days_of(year) for year in range(2023, 2027)}


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any calendar of 2023 to 2026: any days off, any weekends at work, but a day of work in each month."""
    years = []
    for year, (week, said) in DAYS.items():
        off, run, long, working = draw(said)  # a run is a long stretch of holidays
        off += [day for day in week if run <= day <= run + timedelta(days=long) and day not in off]
        years.append({"year": year, "source": "any", "working": working, "off": {"moved": off}})
    return made(CalendarFile.model_validate({"name": "any", "version": "1", "years": years}), "0" * 8)


@st.composite
def histories(draw: st.DrawFn) -> list[KeptChange]:
    """Any changes, as they may come from a register that has lost its head."""
    changes = []
    for n in range(draw(st.integers(0, 8))):
        said: dict[str, Any] = {"kind": draw(st.sampled_from(list(ChangeKind)))}
        said["to"] = draw(st.sampled_from(BODIES))
        said["part"] = draw(st.booleans())
        said["result"] = draw(st.sampled_from([None, *AnswerResult]))
        said["due_on"] = draw(st.none() | st.dates(date(2024, 2, 1), date(2025, 3, 1)))
        at = datetime(2024, 2, 1, tzinfo=KAZAKHSTAN) + timedelta(hours=draw(st.integers(0, 24 * 200)))
        changes.append(KeptChange(Change.model_validate({"message_id": f"{n}", "number": "N", **said}), at))
    return changes


ARRIVALS = st.integers(0, 24 * 60 * 120).map(lambda n: datetime(2024, 2, 1, tzinfo=KAZAKHSTAN) + timedelta(minutes=n))
KINDS = st.sampled_from([None, *AppealKind])


@given(calendars(), histories(), ARRIVALS, KINDS)
def test_a_term_never_falls_on_a_day_off(
    calendar: Calendar, changes: list[KeptChange], arrived: datetime, kind: AppealKind | None
) -> None:
    """Nor does the day of registration, nor what it was before decisions; and each counted day is one of work."""
    law = Law(LAW.norms, calendar)
    appeal = told(*changes, arrived=arrived, kind=kind)
    found = read_clock(appeal, law, TODAY)
    assert found.here.term is not None
    assert due_on(appeal, law) == found.here.term.due_on  # which is counted another way, without a proof
    for each in found.considered:
        assert each.term is not None
        assert all(map(calendar.is_working, (each.term.due_on, each.term.moved_to, each.term.registered)))
        assert each.term.registered <= each.term.first_day <= each.term.last_day
        assert each.term.last_day <= each.term.moved_to <= each.term.due_on
        days = list(each.term.days)
        numbers = [day.number for day in days if day.number is not None]
        assert numbers == [*range(1, each.term.norm.days + 1)]
        if each.term.norm.unit == "working":
            assert all((day.number is not None) is (day.kind is DayKind.COUNTED) for day in days)
    for milestone in found.milestones:
        assert calendar.is_working(milestone.until), milestone


@given(histories(), ARRIVALS, KINDS, st.randoms(use_true_random=False))
def test_the_order_in_which_changes_come_means_nothing(
    changes: list[KeptChange], arrived: datetime, kind: AppealKind | None, chance: random.Random
) -> None:
    """Nor that some come twice, under another id: the story is what happened when."""
    again = [
        KeptChange(each.change.model_copy(update={"message_id": f"{each.change.message_id} again"}), each.dated_at)
        for each in changes
        if chance.random() < 0.5
    ]
    mixed = [*changes, *again]
    chance.shuffle(mixed)
    # What happened at the same moment counts by its id, so that is the same for a repetition.
    assert read_clock(told(*mixed, arrived=arrived, kind=kind), LAW, TODAY) == read_clock(
        told(*changes, arrived=arrived, kind=kind), LAW, TODAY
    )


@given(calendars(), histories(), ARRIVALS, KINDS)
def test_a_term_never_shrinks_by_an_extension(
    calendar: Calendar, changes: list[KeptChange], arrived: datetime, kind: AppealKind | None
) -> None:
    """Each decision leaves it where it was, or moves it on; never beyond what the law allows from its day."""
    law = Law(LAW.norms, calendar)
    life = told(*changes, arrived=arrived, kind=kind).life
    for at, stay in enumerate(life.stays):
        due = None
        extensions = list(stay.extensions)
        for count in range(len(extensions) + 1):
            stay.extensions = extensions[:count]
            term = reckon(stay, kind, "local", law, redirected=at > 0)
            assert term is not None
            assert due is None or term.due_on >= due
            assert all(
                each.most is None or each.until <= max(each.most, due or term.moved_to) for each in term.extensions[-1:]
            )
            due = term.due_on


@given(calendars(), ARRIVALS, KINDS)
def test_the_quick_way_says_the_same(calendar: Calendar, arrived: datetime, kind: AppealKind | None) -> None:
    """Where nothing is told but that an appeal came, the bus counts without its story."""
    law, given_ = Law(LAW.norms, calendar), told(arrived=arrived, kind=kind)
    term = reckon(given_.life.last, kind, "central", law)
    assert due_on(given_, law) == (None if term is None else term.due_on)


@given(calendars(), st.dates(date(2023, 6, 1), date(2026, 1, 1)), st.integers(1, 60))
def test_counting_on_and_back_agree(calendar: Calendar, day: date, n: int) -> None:
    """The n-th working day has n up to it, and that many lie between it and the day before which they begin."""
    last = calendar.nth(day, n)
    assert calendar.count(day, last) == n
    assert calendar.is_working(last)
    assert calendar.count(calendar.before(last, n) + timedelta(days=1), last) == n
