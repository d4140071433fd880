"""Finds the surges of a week: counts what is new, judges, and reads what is behind."""

from collections.abc import Sequence
from datetime import date, datetime

from appealbus.core import WeekPart
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.surges.alarm import Alarm, alarm_of, alarm_of_cluster
from appealbus.plugins.surges.behind import Readable, behind
from appealbus.plugins.surges.clusters import Near, Scanned, clusters
from appealbus.plugins.surges.judge import Judged, gathered, judge
from appealbus.plugins.surges.series import WEEK, Series, book, monday_of
from appealbus.plugins.surges.store import Store

_PAST = 300
"""Weeks that are read: five years and some. A clock that once was wrong by decades makes no past without appeals."""
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


def judged_week(
    store: Store, monday: date, rate: float, near: Near | None = None, share: float = 1.0
) -> tuple[Judged, Scanned | None]:
    """Judge a week by what is counted; a whole one is scanned, too, where it is known which districts are near."""
    past = _PAST * WEEK
    made = book(store.rows(max(monday, date.min + past) - past), monday)
    judged = judge(made, rate, share)
    return judged, clusters(made, near, rate) if near and share == 1.0 else None


async def surges(
    journal: Readable, store: Store, judged: Judged, rate: float, scanned: Scanned | None = None
) -> list[Alarm]:
    """Return the alarms of a week with the appeals behind them, the most improbable first.

    A cluster is an alarm of its own where no series that may count its appeals is one.
    """
    found = []
    heads = gathered(judged.surges)
    for verdict, others in heads.items():
        parts = _parts(store, judged.monday, [verdict.series])
        found.append(alarm_of(judged, rate, verdict, others, await behind(journal, parts)))
    if scanned is None:
        return found
    for each in scanned.found:
        series = [Series(each.category, place) for place in each.cluster.places]
        if any(head.series.meets(one) for head in heads for one in series):
            continue
        parts = _parts(store, judged.monday, series)
        found.append(alarm_of_cluster(judged.monday, rate, scanned, each, await behind(journal, parts)))
    return found


def _parts(store: Store, monday: date, series: Sequence[Series]) -> list[WeekPart]:
    found = [(each, store.ids(monday, each.category, each.place)) for each in series]
    return [WeekPart(monday, *ids, each.category or None, each.place) for each, ids in found if ids is not None]
