"""Judges the series of a week: the method of each, and one bound for all.

EARS has no probability that many series could share: with a normal distribution, seven weeks of small counts give
several false alarms in each week of 300 series. So the probability is that of the baseline's distribution, with at
least the common dispersion of all series (docs/surges.md has the figures).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from functools import cache
from statistics import variance

from appealbus.plugins.surges.series import WEEK, Book, Series, begin
from appealbus.plugins.surges.statistics import ears, farrington
from appealbus.plugins.surges.statistics.multiple import benjamini_hochberg
from appealbus.plugins.surges.statistics.tails import bound, tail

SHORTEST = 10
"""Minimum weeks of history: EARS needs nine, and the first week may be incomplete."""
_YEARS = (5, 4, 3)
"""Whole years for Farrington, as many as available. Data older than five years is no longer comparable."""
_LEAST_DEVIATION = 0.5
"""Minimum deviation for EARS; without it the first appeal after seven empty weeks would be a surge."""
_FEWEST, _WITHIN = 5, 4
"""A surge has at least five appeals in four weeks (Noufaily 2012, section 2)."""
_ALPHA_EARS, _ALPHA_FARRINGTON = 0.001, 0.005
"""Share of weeks beyond each series' own bound, as used by CDC and Public Health England."""
_KNOWN = 1.0
"""Minimum appeals a week for an estimate of the dispersion."""


class Method(Enum):
    EARS = "ears_c2"
    FARRINGTON = "farrington"


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """Result of one series in a week.

    Attributes:
        bound: count above which it is a surge by itself.
        probability: of this count or more by chance; 1 if the count is too small for a surge.
        weeks: weeks of history.
        compared: baseline: the seven weeks of EARS, or the weeks around this one in earlier years.
        counts: of these weeks.
        few: whether four weeks have too few appeals for a surge.
    """

    series: Series
    method: Method
    observed: int
    expected: float
    bound: float
    probability: float
    weeks: int
    compared: tuple[date, ...]
    counts: tuple[int, ...]
    few: bool

    @property
    def excess(self) -> float:
        return self.observed - self.expected


@dataclass(frozen=True, slots=True)
class Judged:
    monday: date
    tested: int
    limit: float
    surges: tuple[SeriesResult, ...]


def judge(book: Book, rate: float = 0.05, share: float = 1.0) -> Judged:
    """Judge the last week of a book.

    `rate` is the expected share of false alarms (Benjamini and Hochberg), `share` the elapsed part in working days.
    """
    verdicts = _verdicts(book, share) if book.weeks > SHORTEST else []
    limit = benjamini_hochberg((verdict.probability for verdict in verdicts), rate)
    surges = [verdict for verdict in verdicts if verdict.probability <= limit and verdict.observed > verdict.bound]
    surges.sort(key=lambda verdict: (verdict.probability, -verdict.series.narrowness, verdict.series))
    return Judged(book.monday, len(verdicts), limit, tuple(surges))


@dataclass(frozen=True, slots=True)
class _Compared:
    """A verdict without its probability, and the mean and dispersion that determine it."""

    verdict: SeriesResult
    mean: float
    dispersion: float


def _verdicts(book: Book, share: float) -> list[SeriesResult]:
    against = cache(lambda years: farrington.reference(book.monday, years))
    by_method: dict[Method, list[_Compared]] = {method: [] for method in Method}
    for series, every in book.series.items():
        counts = every[begin(every, SHORTEST) :]
        years = next((years for years in _YEARS if against(years).weeks < len(counts)), None)
        if years is None:
            by_method[Method.EARS].append(_by_ears(book.monday, series, counts, share))
        else:
            by_method[Method.FARRINGTON].append(_by_farrington(book.monday, series, counts, against(years), share))
    return [verdict for compared in by_method.values() for verdict in _with_probabilities(compared)]


def _with_probabilities(compared: Sequence[_Compared]) -> Iterator[SeriesResult]:
    """Yield the verdicts, each with at least the mean dispersion of all series.

    A single series gives a poor estimate: some of thousands would be too low, and each such one is a false alarm.
    """
    known = [series.dispersion for series in compared if series.mean >= _KNOWN]
    scatter = max(1.0, sum(known) / len(known)) if known else 1.0
    for series in compared:
        verdict = series.verdict
        if verdict.few:
            yield verdict
        else:
            # The mean scatters itself, as that of so many weeks.
            dispersion = max(series.dispersion, scatter) * (1 + 1 / len(verdict.counts))
            yield replace(verdict, probability=tail(verdict.observed, series.mean, dispersion))


def _by_farrington(
    monday: date, series: Series, counts: Sequence[int], against: farrington.Reference, share: float
) -> _Compared:
    season = [ago for ago, part in zip(against.ago, against.seasons, strict=True) if part == 0]
    compared = farrington.compare(counts, against, _ALPHA_FARRINGTON)
    # Weeks of this season without any appeal do not prove that there can be none: half a one in all of them.
    expected = max(compared.expected, 0.5 / len(season)) * share
    upper = bound(_ALPHA_FARRINGTON, expected, compared.dispersion)
    verdict = SeriesResult(
        series, Method.FARRINGTON, counts[-1], expected, upper, 1.0, len(counts) - 1, *_told(monday, counts, season)
    )
    return _Compared(verdict, expected, compared.dispersion)


def _by_ears(monday: date, series: Series, counts: Sequence[int], share: float) -> _Compared:
    compared = ears.c2(counts, len(counts) - 1, _ALPHA_EARS, _LEAST_DEVIATION)
    baseline = range(ears.BASELINE + ears.GUARD, ears.GUARD, -1)
    expected, upper = compared.mean * share, compared.bound * share
    verdict = SeriesResult(
        series, Method.EARS, counts[-1], expected, upper, 1.0, len(counts) - 1, *_told(monday, counts, baseline)
    )
    # Half an appeal more: seven weeks without any do not prove that there can be none.
    mean = compared.mean + 0.5 / ears.BASELINE
    return _Compared(verdict, mean * share, variance(verdict.counts) / mean)


def _told(
    monday: date, counts: Sequence[int], with_weeks: Sequence[int]
) -> tuple[tuple[date, ...], tuple[int, ...], bool]:
    """Return the weeks at these offsets, their counts, and whether there are too few appeals for a surge."""
    weeks = tuple(monday - ago * WEEK for ago in with_weeks)
    return weeks, tuple(counts[-1 - ago] for ago in with_weeks), sum(counts[-_WITHIN:]) < _FEWEST


def gathered(surges: Sequence[SeriesResult]) -> Mapping[SeriesResult, tuple[SeriesResult, ...]]:
    """Group surges that may count the same appeals under the least probable one, so that one event is one alarm."""
    heads: dict[SeriesResult, list[SeriesResult]] = {}
    for surge in surges:
        head = next((head for head in heads if head.series.meets(surge.series)), None)
        if head is None:
            heads[surge] = []
        else:
            heads[head].append(surge)
    return {head: tuple(others) for head, others in heads.items()}
