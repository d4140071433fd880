"""What a source that is away does to due dates: told by hand, one question after the other, and by the journal."""

import random
from datetime import date, datetime, time, timedelta
from itertools import islice

import pytest

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.domain.pauses import Needs, QuotaUse
from appealbus.core.domain.selection import ListPosition
from appealbus.core.guards.pace import Pace
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.journal import keeping
from appealbus.core.journal import waiting as reads
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.management.outages import SourceSetup, _in_time, missing, outage
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind
from tests.core.journal.explaining import explain_all
from tests.services.journals import sqlite_journal

TODAY = date(2026, 11, 25)
MORNING = datetime.combine(TODAY, time(9), KAZAKHSTAN)


def asked(**guard):
    return SourceSetup("s", GuardSettings(**guard), ("complaint",), frozenset({"s.thing"}))


async def park(journal, make, days, waits_for=("s",)):
    """Park appeals for a source, which are due so many days from today; return their numbers."""
    numbers = []
    for n, day in enumerate(days):
        due = None if day is None else TODAY + timedelta(day)
        new = await journal.accept(make.new(f"{waits_for}{n}", due_on=due))
        await journal.post(keeping.Keep(new.appeal_id, make.state("s.thing", kind=OutcomeKind.UNAVAILABLE)))
        given = {"dossier": b"{}", "version": 1, "completeness": Completeness.PARTIAL, "due_at": make.later(9e6)}
        await journal.conclude(Conclusion(new.appeal_id, waits_for=waits_for, **given))
        numbers.append(new.receipt.number)
    return numbers


async def test_what_cannot_be_asked_by_the_end_of_its_day_is_missed(journal, make, monkeypatch):
    """With two calls a day the most urgent have them; what has no day, or waits for another source, misses none.

    Those that miss are told by pages, of a day the last ones; what is new and would ask the source counts too.
    """
    monkeypatch.setattr(type(journal), "now", lambda self: MORNING)
    numbers = await park(journal, make, [-1, 0, 1, 1, 2, 2, 2, 9, None])
    numbers += await park(journal, make, [1, 2], ("r", "s"))
    await park(journal, make, [1], ("r",))
    new = await journal.accept(make.new("new", due_on=TODAY + timedelta(2)))
    found = await outage(journal, asked(), MORNING + timedelta(days=1))
    assert {each.day.day: (each.waiting, each.missed) for each in found.days} == {
        25: (1, 1),
        26: (3, 0),
        27: (5, 0),
        4: (1, 0),
    }
    assert (found.missed, found.anyway, found.overdue, found.more) == (1, 0, 1, False)
    found = await outage(journal, asked(quota_day=2), MORNING + timedelta(days=1))
    days = [(each.day.day, each.waiting, each.missed, each.anyway) for each in found.days]
    # Two calls on the 26th are for what is overdue and what was due on the 25th, two on the 27th for the 26th's.
    assert days == [(25, 1, 1, 0), (26, 3, 3, 1), (27, 5, 5, 4), (4, 1, 0, 0)]
    assert (found.missed, found.anyway, found.over_at) == (9, 5, date(2026, 12, 1))
    pages, after = [], ListPosition(0)
    for _ in range(5):
        page = await missing(journal, asked(), found, after, 2)
        pages += [each.number for each in page]
        after = ListPosition(page[-1].appeal_id, page[-1].due_on.toordinal())
    wanted = [numbers[1], *numbers[2:4], numbers[9], *numbers[4:7], numbers[10], new.receipt.number]
    assert pages == wanted
    partly = await outage(journal, asked(quota_day=2), MORNING)
    assert [each.number for each in await missing(journal, asked(), partly, limit=9)] == [numbers[9], *wanted[-4:]]
    few = await journal.ask(lambda connection: reads.by_day(connection, Needs("s", ()), most=2))
    assert (few.more, sum(few.days.values())) == (True, 2)


@pytest.mark.proof
def test_days_are_counted_as_by_one_who_asks_one_after_the_other() -> None:
    """At random: limits by rate, windows, quotas and what is used of them; most urgent first, until the day is over."""
    for seed in range(200):
        chance = random.Random(seed)
        day, month = chance.choice([None, 3, 7]), chance.choice([None, 12])
        closed = chance.choice([[], ["daily 20:00-08:00"], ["Fri 00:00-24:00", "Sat 10:00-24:00"]])
        guard = GuardSettings(rate=chance.choice([None, 0.0001]), quota_day=day, quota_month=month, closed=closed)
        used = [QuotaUse("s", "day", MORNING.replace(hour=0), chance.randrange(4))] if day else []
        calls = chance.choice([1, 2])
        pace = Pace(guard, calls, None, used, MORNING)
        since = MORNING + timedelta(hours=chance.randrange(80))
        waiting = {TODAY + timedelta(n): chance.randrange(1, 6) for n in chance.sample(range(-2, 12), 5)}
        in_time, over_at = _in_time(waiting, pace.by_day(since))
        room = dict(pace.by_day(since))
        queue = [due for due in sorted(waiting) for _ in range(waiting[due])]
        reached, ends, asked_in_time = 0.0, iter(room.items()), dict.fromkeys(waiting, 0)
        today, more = next(ends)
        for n, due in enumerate(queue, start=1):
            while reached + more < n:
                reached += more
                today, more = next(ends, (date.max, float("inf")))
            asked_in_time[due] += today <= due
        assert (in_time, over_at) == (asked_in_time, None if today == date.max else today), seed


@pytest.mark.parametrize(
    ("guard", "took", "wanted"),
    [
        ({"rate": 1.0}, None, [15 * 3600, 24 * 3600]),
        ({"rate": 1.0, "closed": ["Wed 12:00-24:00", "Thu 00:00-23:00"]}, None, [3 * 3600, 3600]),
        ({"concurrency": 2}, 4.0, [7.5 * 3600, 12 * 3600]),
        ({"quota_day": 10, "quota_month": 25}, None, [6, 10, 9, 0, 0, 0, 10]),
    ],
)
def test_a_day_has_room_for_so_many(guard, took, wanted):
    """By the rate, by places for calls and how long one takes, by windows, and by quotas that begin anew."""
    used = [QuotaUse("s", "day", MORNING.replace(hour=0), 4), QuotaUse("s", "month", MORNING.replace(day=1, hour=0), 0)]
    pace = Pace(GuardSettings(**guard), 1, took, used, MORNING)
    assert [number for _, number in islice(pace.by_day(MORNING), len(wanted))] == wanted


async def test_what_waits_is_counted_by_its_index_alone(tmp_path, make, monkeypatch):
    """SQLite, which keeps no statistics, looks for nothing of it among all that is open, and at no appeal to count."""
    heard = explain_all(monkeypatch)
    async with await Journal.open(sqlite_journal(tmp_path / "journal.db")) as journal:
        await park(journal, make, [1, 2])
        heard.clear()
        assert [each.appeals for each in await journal.ask(reads.parked_for)] == [2]
        assert sum((await journal.ask(reads.by_day, Needs("s"))).days.values()) == 2
        danger, count = await journal.ask(reads.endangered, "s", None, TODAY + timedelta(1), 20)
        assert ([each.due_on for each in danger], count) == ([TODAY + timedelta(1)], 1)
    plans = [plan for _, plan in heard]
    counting = [
        plan for statement, plan in heard if "waits_for =" in statement or "GROUP BY appeal.waits_for" in statement
    ]
    assert len(counting) == 4
    assert all("USING COVERING INDEX ix_appeal_waits_for" in plan for plan in counting), plans
    assert not [plan for plan in plans if "ix_appeal_urgency" in plan or "ix_appeal_kind" in plan]
