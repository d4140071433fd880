"""EARS: the bounds are those of the paper, and R's."""

from statistics import stdev

import pytest

from appealbus.plugins.surges.statistics import ears
from tests.plugins.surges.reference import NEEDED, salmonella, table

COUNTS = [2, 4, 3, 5, 4, 3, 0, 9, 9, 20]


def test_two_weeks_are_left_out() -> None:
    """The baseline is the seven weeks before the last two."""
    compared = ears.c2(COUNTS, 9)
    assert compared.mean == pytest.approx(3.0)
    assert compared.deviation == pytest.approx(stdev(COUNTS[:7]))
    assert compared.bound == pytest.approx(3.0 + 3.0902323 * stdev(COUNTS[:7]))


def test_after_weeks_without_any_the_least_deviation_bounds() -> None:
    """Seven weeks of nothing bound the next one by the least deviation, so that a first single appeal is no surge."""
    assert ears.c2([0] * 10, 9).bound == 0.0
    assert ears.c2([0] * 10, 9, least_deviation=0.5).bound == pytest.approx(1.5451162)


def test_a_week_without_a_whole_baseline_is_refused() -> None:
    """Where the seven weeks are not there, nothing is compared."""
    with pytest.raises(ValueError, match="no 7 weeks before it"):
        ears.c2([1] * 9, 8)


@NEEDED
def test_bounds_are_those_of_r() -> None:
    """Every bound equals R's to a millionth, and so does the number of alarms."""
    counts, rows = salmonella(), table("ears_C2")
    assert len(rows) == 303
    bounds = [ears.c2(counts, int(row["i"]) - 1).bound for row in rows]
    assert bounds == pytest.approx([float(row["upper"]) for row in rows], abs=1e-6)
    exceeded = sum(counts[int(row["i"]) - 1] > bound for row, bound in zip(rows, bounds, strict=True))
    assert exceeded == 20
