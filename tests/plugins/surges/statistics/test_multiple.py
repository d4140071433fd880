"""Benjamini and Hochberg's bound."""

from random import Random

import pytest

from appealbus.plugins.surges.statistics.multiple import benjamini_hochberg


def test_the_example_of_the_paper() -> None:
    """The fifteen probabilities of the paper of 1995 give four rejections at the rate 0.05."""
    probabilities = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert benjamini_hochberg(reversed(probabilities), 0.05) == 0.0095


def test_a_later_one_that_passes_takes_earlier_ones_with_it() -> None:
    """The bound is the last that passes, though one before it does not."""
    assert benjamini_hochberg([0.03, 0.031, 0.032], 0.05) == 0.032


def test_nothing_passes_nothing() -> None:
    """Without series, or without a small one, the bound is 0."""
    assert benjamini_hochberg([], 0.05) == 0.0
    assert benjamini_hochberg([0.2, 0.9], 0.05) == 0.0


def test_chance_alone_rarely_passes_at_all() -> None:
    """Of weeks with 200 series and no surge no more than the rate has any alarm, give or take three deviations."""
    random = Random(7)
    weeks = 400
    alarmed = sum(benjamini_hochberg([random.random() for _ in range(200)], 0.05) > 0 for _ in range(weeks))
    assert alarmed / weeks == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / weeks) ** 0.5)
