"""Finds the surges of a week: counts what is new, judges, and reads what is behind."""

from datetime import date, datetime

from appealbus.core import WeekPart
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.surges.alarm import Alarm, alarm_of
from appealbus.plugins.surges.behind import Readable, behind
from appealbus.plugins.surges.judge import Judged, gathered, judge
from appealbus.plugins.surges.series import WEEK, book, monday_of
from appealbus.plugins.surges.store import Store

_WORKING = 5
"""Days of a week on which most appeals come. Days off by law are not known here: in a week with one, too much is
expected by its end, so what is possible is told too late and never too soon."""
_OPENS, _CLOSES = 9, 18
"""Hours between which a working day passes."""


def last_whole_week(now: datetime) -> date:
    """Return the Monday of the last week that has ended in Kazakhstan."""
    return monday_of(now.astimezone(KAZAKHSTAN).date()) - WEEK


def passed(monday: date, now: datetime) -> float:
    """Return how much of a week has passed, in working time: from 0.0 to 1.0."""
    here = now.astimezone(KAZAKHSTAN)
    days = (here.date() - monday).days
    if days < 0:
        return 0.0
    hours = here.hour + here.minute / 60
    today = min(1.0, max(0.0, (hours - _OPENS) / (_CLOSES - _OPENS))) if days < _WORKING else 0.0
    return min(1.0, (min(days, _WORKING) + today) / _WORKING)


def judged_week(store: Store, monday: date, rate: float, share: float = 1.0) -> Judged:
    """Judge a week by what is counted."""
    return judge(book(store.rows(), monday), rate, share)


async def surges(journal: Readable, store: Store, judged: Judged, rate: float) -> list[Alarm]:
    """Return the alarms of a week with the appeals behind them, the most improbable first."""
    found = []
    for verdict, others in gathered(judged.surges).items():
        series = verdict.series
        ids = store.ids(judged.monday, series.category, series.place) or (0, 0)
        part = WeekPart(judged.monday, *ids, series.category or None, series.place)
        numbers, name, shared = await behind(journal, part)
        found.append(alarm_of(judged, rate, verdict, others, name=name, numbers=numbers, shared=shared))
    return found
