"""Finds the surges of a week: counts, judges, and reads the appeals behind them."""

from collections.abc import Sequence
from datetime import date, datetime

from appealbus.core import WeekPart
from appealbus.core.clocks import day_of
from appealbus.plugins.surges.alarm import Alarm, alarm_of, alarm_of_cluster
from appealbus.plugins.surges.behind import Readable, behind
from appealbus.plugins.surges.clusters import Near, Scanned, clusters
from appealbus.plugins.surges.judge import Judged, gathered, judge
from appealbus.plugins.surges.series import WEEK, Series, book, monday_of
from appealbus.plugins.surges.store import Store
from appealbus.plugins.surges.threads import in_thread

_PAST = 300
"""Maximum number of weeks read: some five years. A clock once wrong by decades must not add an empty past."""


def last_whole_week(now: datetime) -> date:
    """Return the Monday of the last week that has ended in Kazakhstan."""
    return monday_of(day_of(now)) - WEEK


def judged_week(
    store: Store, monday: date, rate: float, near: Near | None = None, share: float = 1.0
) -> tuple[Judged, Scanned | None]:
    """Judge a week by its counts, with a scan for clusters if neighbours are given.

    Args:
        store: the counts.
        monday: of the week.
        rate: expected share of false alarms.
        near: from `near_from`; None for the current week.
        share: elapsed part of the week, in working time.
    """
    past = _PAST * WEEK
    made = book(store.rows(max(monday, date.min + past) - past), monday)
    judged = judge(made, rate, share)
    return judged, clusters(made, near, rate) if near else None


async def surges(
    journal: Readable, store: Store, judged: Judged, rate: float, scanned: Scanned | None = None
) -> list[Alarm]:
    """Return the alarms of a week with the appeals behind them, the least probable first.

    A cluster is an alarm only if no series that may count its appeals is one.
    """
    alarms = []
    heads = gathered(judged.surges)
    for verdict, others in heads.items():
        parts = await in_thread(_parts, store, [judged.monday], [verdict.series])
        alarms.append(alarm_of(judged, rate, verdict, others, await behind(journal, parts)))
    if scanned is None:
        return alarms
    for finding in scanned.found:
        series = [Series(finding.category, place) for place in finding.cluster.places]
        if any(head.series.meets(one) for head in heads for one in series):
            continue
        weeks = [judged.monday - ago * WEEK for ago in range(finding.cluster.weeks)]
        parts = await in_thread(_parts, store, weeks, series)
        alarms.append(alarm_of_cluster(judged.monday, rate, scanned, finding, await behind(journal, parts)))
    return alarms


def _parts(store: Store, weeks: Sequence[date], series: Sequence[Series]) -> list[WeekPart]:
    weeks_of = [(week, one, store.ids(week, one.category, one.place)) for week in weeks for one in series]
    return [WeekPart(week, *ids, one.category or None, one.place) for week, one, ids in weeks_of if ids is not None]
