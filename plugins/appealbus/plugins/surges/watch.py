"""Finds the surges of a week: counts, judges, and reads the appeals behind them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from appealbus.core import WeekCounts, WeekPart
from appealbus.core.clocks import day_of
from appealbus.plugins.surges.alarm import Alarm
from appealbus.plugins.surges.behind import About, Readable, behind
from appealbus.plugins.surges.clusters import ClusterFound, Near, Scanned, clusters
from appealbus.plugins.surges.judge import Judged, SeriesResult, gathered, judge
from appealbus.plugins.surges.series import WEEK, Series, book, monday_of
from appealbus.plugins.surges.store import Counted, Store, in_thread
from appealbus.schemas.surge import SurgePart

_PAST = 300
"""Maximum number of weeks read: some five years. A clock once wrong by decades must not add an empty past."""


class Countable(Protocol):
    """The part of the journal that is read."""

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        """Count the appeals after an id."""


async def count_new(journal: Countable, journal_id: str, store: Store) -> None:
    """Count new appeals.

    Old counts are final: a later change of category or place moves no count, and appeals deleted by age stay counted. A
    restored journal gives ids of lost appeals anew, so all its appeals are counted again. No count decreases, as it is
    unknown which of the others were deleted by age and which were lost.
    """
    done = await in_thread(store.counted, journal_id)
    while True:
        page = await journal.week_counts(done.upto)
        if done.epoch not in (0, page.epoch):
            await in_thread(store.begin_again, journal_id, done, page.epoch)
        else:
            again = done.again and page.upto < page.last
            await in_thread(store.count, journal_id, done, Counted(page.epoch, page.upto, again), page.rows)
        done = await in_thread(store.counted, journal_id)  # a command and the service may count at the same time
        if done.epoch == page.epoch and done.upto >= page.last and not done.again:
            return


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
        alarms.append(_of_series(judged, rate, verdict, others, await behind(journal, parts)))
    if scanned is None:
        return alarms
    for finding in scanned.found:
        series = [Series(finding.category, place) for place in finding.cluster.places]
        if any(head.series.meets(one) for head in heads for one in series):
            continue
        weeks = [judged.monday - ago * WEEK for ago in range(finding.cluster.weeks)]
        parts = await in_thread(_parts, store, weeks, series)
        alarms.append(_of_cluster(judged.monday, rate, scanned, finding, await behind(journal, parts)))
    return alarms


def _parts(store: Store, weeks: Sequence[date], series: Sequence[Series]) -> list[WeekPart]:
    weeks_of = [(week, one, store.ids(week, one.category, one.place)) for week in weeks for one in series]
    return [WeekPart(week, *ids, one.category or None, one.place) for week, one, ids in weeks_of if ids is not None]


def _of_series(
    judged: Judged, rate: float, verdict: SeriesResult, others: Sequence[SeriesResult], about: About
) -> Alarm:
    parts = [
        SurgePart(**_key(other), observed=other.observed, expected=other.expected, probability=other.probability)
        for other in others
    ]
    return Alarm(
        monday=judged.monday,
        **_key(verdict),
        name=about.name,
        observed=verdict.observed,
        expected=verdict.expected,
        bound=verdict.bound,
        probability=verdict.probability,
        method=verdict.method.value,
        weeks=verdict.weeks,
        compared=tuple(zip(verdict.compared, verdict.counts, strict=True)),
        tested=judged.tested,
        limit=judged.limit,
        rate=rate,
        also=tuple(parts),
        numbers=about.numbers,
        shared=about.shared,
    )


def _key(verdict: SeriesResult) -> dict[str, str]:
    return {"category": verdict.series.category, "place": verdict.series.place}


def _of_cluster(monday: date, rate: float, scanned: Scanned, finding: ClusterFound, about: About) -> Alarm:
    cluster = finding.cluster
    return Alarm(
        monday=monday,
        category=finding.category,
        name=about.name,
        place="+".join(cluster.places),
        observed=cluster.observed,
        expected=cluster.expected,
        bound=cluster.expected,
        probability=finding.probability,
        method="scan",
        weeks=finding.weeks,
        compared=finding.compared,
        tested=scanned.tested,
        limit=scanned.limit,
        rate=rate,
        lasts=cluster.weeks,
        numbers=about.numbers,
        shared=about.shared,
    )
