"""EARS: the bounds are those of the paper, and R's."""

from collections.abc import Callable
from statistics import stdev

import pytest

from appealbus.plugins.surges.statistics import ears
from tests.plugins.surges.reference import NEEDED, salmonella, table

Method = Callable[..., ears.Ears]
COUNTS = [2, 4, 3, 5, 4, 3, 0, 9, 9, 20]


def test_c2_leaves_two_weeks_out_and_c1_none() -> None:
    """The baseline of C1 is the seven weeks before, that of C2 the seven before the last two."""
    assert ears.c1(COUNTS, 9).mean == pytest.approx(sum(COUNTS[2:9]) / 7)
    compared = ears.c2(COUNTS, 9)
    assert compared.mean == pytest.approx(3.0)
    assert compared.deviation == pytest.approx(stdev(COUNTS[:7]))
    assert compared.bound == pytest.approx(3.0 + 3.0902323 * stdev(COUNTS[:7]))


def test_after_weeks_without_any_the_least_deviation_bounds() -> None:
    """Seven weeks of nothing bound the next one by the least deviation, so that a first single appeal is no surge."""
    assert ears.c2([0] * 10, 9).bound == 0.0
    assert ears.c2([0] * 10, 9, least_deviation=0.5).bound == pytest.approx(1.5451162)


def test_c3_lowers_the_bound_by_what_the_two_weeks_before_exceeded() -> None:
    """Each of the two weeks before lowers the bound by its standardised excess over one deviation."""
    counts = [3, 5, 4, 3, 5, 4, 4, 3, 5, 12, 4, 4]
    plain, lowered = ears.c2(counts, 11, alpha=0.025), ears.c3(counts, 11)
    before = ears.c2(counts, 9)
    excess = (12 - before.mean) / before.deviation - 1.0
    assert plain.bound - lowered.bound == pytest.approx(excess * plain.deviation)


def test_a_week_without_a_whole_baseline_is_refused() -> None:
    """Where the seven weeks are not there, nothing is compared."""
    with pytest.raises(ValueError, match="no 7 weeks before it"):
        ears.c2([1] * 9, 8)


@NEEDED
@pytest.mark.parametrize(("name", "method", "weeks", "alarms"), [("C1", ears.c1, 305, 16), ("C2", ears.c2, 303, 20)])
def test_c1_and_c2_are_those_of_r(name: str, method: Method, weeks: int, alarms: int) -> None:
    """Every bound equals R's to a millionth, and so do the numbers of alarms."""
    counts, rows = salmonella(), table(f"ears_{name}")
    assert len(rows) == weeks
    bounds = [method(counts, int(row["i"]) - 1).bound for row in rows]
    assert bounds == pytest.approx([float(row["upper"]) for row in rows], abs=1e-6)
    exceeded = sum(counts[int(row["i"]) - 1] > bound for row, bound in zip(rows, bounds, strict=True))
    assert exceeded == alarms


@NEEDED
def test_c3_is_that_of_r() -> None:
    """R's bound of C3 has this week's count where the paper has the mean, and ends at 0; else they are the same."""
    counts, rows = salmonella(), table("ears_C3")
    assert len(rows) == 301
    theirs = []
    for week in (int(row["i"]) - 1 for row in rows):
        compared = ears.c3(counts, week)
        theirs.append(max(0.0, compared.bound - compared.mean + counts[week]))
    assert theirs == pytest.approx([float(row["upper"]) for row in rows], abs=1e-6)
    exceeded = sum(counts[int(row["i"]) - 1] > bound for row, bound in zip(rows, theirs, strict=True))
    assert exceeded == 36
