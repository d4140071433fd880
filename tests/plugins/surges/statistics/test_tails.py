"""Tails and quantiles of counts."""

from math import exp, factorial, sqrt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appealbus.plugins.surges.statistics.tails import bound, tail


def test_poisson_is_the_sum_of_its_terms() -> None:
    """With the dispersion 1 the tail is that of a Poisson distribution, term by term."""
    below = sum(exp(-2.5) * 2.5**k / factorial(k) for k in range(6))
    assert tail(6, 2.5) == pytest.approx(1.0 - below, rel=1e-12)
    assert tail(0, 2.5) == 1.0
    assert tail(1, 0.0) == 0.0


def test_negative_binomial_is_geometric_at_its_simplest() -> None:
    """With mean 1 and variance 2 the distribution is geometric: n or more has the probability 2^-n."""
    assert [tail(n, 1.0, 2.0) for n in range(12)] == pytest.approx([2.0**-n for n in range(12)], rel=1e-12)


def test_a_small_tail_keeps_its_digits() -> None:
    """A tail far below the precision of 1 is not lost in it: 30 or more of 1 appeal is 30 of them and little else."""
    assert tail(30, 1.0) == pytest.approx(
        exp(-1) / factorial(30) * (1 + 1 / 31 + 1 / 31 / 32 + 1 / 31 / 32 / 33), rel=1e-5
    )


def test_large_counts_are_nearly_normal() -> None:
    """Where 20,000 appeals come in a week, the bound is where the normal distribution has it, and takes no notice."""
    assert bound(0.005, 20_000.0, 1.5) == pytest.approx(20_000 + 2.5758 * sqrt(30_000), abs=12)


@example(34.0, 1.0000000000000002, 0.005)
@given(st.floats(0.001, 300.0), st.floats(1.0, 6.0), st.sampled_from([0.05, 0.01, 0.005, 0.001]))
def test_the_bound_is_the_least_count_that_holds_the_tail(mean: float, dispersion: float, alpha: float) -> None:
    """More than the bound has at most the probability α, and more than one less has more than α."""
    least = bound(alpha, mean, dispersion)
    assert tail(least + 1, mean, dispersion) <= alpha
    assert least == 0 or tail(least, mean, dispersion) > alpha
