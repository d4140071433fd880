"""Which series of a week are surges: by which method each is compared, and one bound for all of them.

EARS has no probability of its own that many series could share: taken as normal, seven weeks of small counts give
several false alarms in each week of 300 series. So it is that of a count from the same distribution as the baseline,
with at least the scatter that series have on the whole (docs/surges.md has the figures).
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
"""Weeks before this one, below which nothing is said: EARS needs nine, and of the first ones something is missing."""
_YEARS = (5, 4, 3)
"""Whole years that Farrington is given: as many as there are. More than five are another past."""
_LEAST_DEVIATION = 0.5
"""Of EARS: without it the first single appeal after seven weeks without any would be a surge."""
_FEWEST, _WITHIN = 5, 4
"""No surge has fewer than five appeals in four weeks (Noufaily 2012, section 2)."""
_ALPHA_EARS, _ALPHA_FARRINGTON = 0.001, 0.005
"""The share of weeks beyond each series' own bound: as CDC and Public Health England have them."""
_KNOWN = 1.0
"""Appeals a week from which a series says something of how counts scatter."""


class Method(Enum):
    """How a series was compared."""

    EARS = "ears_c2"
    FARRINGTON = "farrington"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one series stands in a week.

    Attributes:
        bound: the count above which it stands out by itself.
        probability: of this count or more without a surge; 1 where so few are never a surge.
        weeks: before this one, that the series has.
        compared: which weeks it was compared with: the seven of EARS, or those around this one a year ago and earlier.
        counts: of these weeks.
        few: fewer appeals in four weeks than any surge has.

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
        """How many appeals more than expected."""
        return self.observed - self.expected


@dataclass(frozen=True, slots=True)
class Judged:
    """A week: how many series were tested, up to which probability one is a surge, and which are."""

    monday: date
    tested: int
    limit: float
    surges: tuple[Verdict, ...]


def judge(book: Book, rate: float = 0.05, share: float = 1.0) -> Judged:
    """Judge the last week of a book.

    Args:
        book: the series.
        rate: the share of the alarms that may be chance (Benjamini and Hochberg).
        share: how much of the week has passed, in working days.

    """
    verdicts = _verdicts(book, share) if book.weeks > SHORTEST else []
    limit = benjamini_hochberg((each.probability for each in verdicts), rate)
    surges = [each for each in verdicts if each.probability <= limit and each.observed > each.bound]
    surges.sort(key=lambda each: (each.probability, -each.series.narrowness, each.series))
    return Judged(book.monday, len(verdicts), limit, tuple(surges))


@dataclass(frozen=True, slots=True)
class _Compared:
    """A verdict that lacks its probability, with what that follows from: the mean and the dispersion of the count."""

    verdict: Verdict
    mean: float
    dispersion: float


def _verdicts(book: Book, share: float) -> list[Verdict]:
    against = cache(lambda years: farrington.reference(book.monday, years))
    found: dict[Method, list[_Compared]] = {method: [] for method in Method}
    for series, every in book.series.items():
        counts = every[begin(every, SHORTEST) :]
        years = next((years for years in _YEARS if against(years).weeks < len(counts)), None)
        if years is None:
            found[Method.EARS].append(_by_ears(book.monday, series, counts, share))
        else:
            found[Method.FARRINGTON].append(_by_farrington(book.monday, series, counts, against(years), share))
    return [verdict for compared in found.values() for verdict in _with_probabilities(compared)]


def _with_probabilities(found: Sequence[_Compared]) -> Iterator[Verdict]:
    """Yield the verdicts, each with at least the scatter that all have on the mean.

    One series tells little of its own: a dispersion that is guessed too low is a false alarm, and among thousands of
    series some are.
    """
    known = [each.dispersion for each in found if each.mean >= _KNOWN]
    scatter = max(1.0, sum(known) / len(known)) if known else 1.0
    for each in found:
        verdict = each.verdict
        if verdict.few:
            yield verdict
        else:
            # The mean scatters itself, as that of so many weeks.
            dispersion = max(each.dispersion, scatter) * (1 + 1 / len(verdict.counts))
            yield replace(verdict, probability=tail(verdict.observed, each.mean, dispersion))


def _by_farrington(
    monday: date, series: Series, counts: Sequence[int], against: farrington.Reference, share: float
) -> _Compared:
    season = [ago for ago, part in zip(against.ago, against.seasons, strict=True) if part == 0]
    compared = farrington.compare(counts, against, _ALPHA_FARRINGTON)
    # Weeks of this season without any appeal do not prove that there can be none: half a one in all of them.
    expected = max(compared.expected, 0.5 / len(season)) * share
    upper = bound(_ALPHA_FARRINGTON, expected, compared.dispersion)
    verdict = Verdict(
        series, Method.FARRINGTON, counts[-1], expected, upper, 1.0, len(counts) - 1, *_told(monday, counts, season)
    )
    return _Compared(verdict, expected, compared.dispersion)


def _by_ears(monday: date, series: Series, counts: Sequence[int], share: float) -> _Compared:
    compared = ears.c2(counts, len(counts) - 1, _ALPHA_EARS, _LEAST_DEVIATION)
    baseline = range(ears.BASELINE + ears.GUARD, ears.GUARD, -1)
    expected, upper = compared.mean * share, compared.bound * share
    verdict = Verdict(
        series, Method.EARS, counts[-1], expected, upper, 1.0, len(counts) - 1, *_told(monday, counts, baseline)
    )
    # Half an appeal more: seven weeks without any do not prove that there can be none.
    mean = compared.mean + 0.5 / ears.BASELINE
    return _Compared(verdict, mean * share, variance(verdict.counts) / mean)


def _told(
    monday: date, counts: Sequence[int], with_weeks: Sequence[int]
) -> tuple[tuple[date, ...], tuple[int, ...], bool]:
    """Return the weeks so many weeks ago, their counts, and whether there are too few appeals for a surge."""
    weeks = tuple(monday - ago * WEEK for ago in with_weeks)
    return weeks, tuple(counts[-1 - ago] for ago in with_weeks), sum(counts[-_WITHIN:]) < _FEWEST


def gathered(surges: Sequence[Verdict]) -> Mapping[Verdict, tuple[Verdict, ...]]:
    """Return the surges under the most improbable of those that may count the same appeals: one fire is one alarm."""
    heads: dict[Verdict, list[Verdict]] = {}
    for each in surges:
        head = next((head for head in heads if head.series.meets(each.series)), None)
        if head is None:
            heads[each] = []
        else:
            heads[head].append(each)
    return {head: tuple(others) for head, others in heads.items()}
