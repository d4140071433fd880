"""The scan over districts."""

import csv
from math import exp, log
from random import Random

import pytest

from appealbus.plugins.surges.statistics.scan import Position, neighbours, probability, scan, score, zones
from tests.plugins.surges.reference import FOLDER, NEEDED

LINE: dict[str, Position] = {name: (70.0 + 0.1 * at * at, 50.0) for at, name in enumerate("abcde")}
FEW = {name: [2.0, 2.0, 2.0] for name in LINE}


def test_zones_are_nearest_neighbours_each_once() -> None:
    """Five places on a line have themselves and pairs as zones; the same set from two places is one zone."""
    near = neighbours(LINE, most=2)
    assert near["a"] == ("a", "b")
    assert zones(near) == {frozenset(zone) for zone in ("a", "b", "c", "d", "e", "ab", "bc", "cd", "de")}


def test_the_planted_cluster_is_the_best() -> None:
    """Two neighbours with too many in the last two weeks are found with these weeks, and with the score by hand."""
    observed = {name: [2, 2, 2] for name in LINE} | {"c": [2, 9, 11], "d": [1, 8, 7]}
    best = scan(observed, FEW, neighbours(LINE, most=3))[0]
    assert (best.places, best.weeks, best.observed, best.expected) == (("c", "d"), 2, 35, 8.0)
    assert best.score == pytest.approx(35 * log(35 / 8) + 8 - 35)


def test_nothing_above_what_is_expected_is_no_cluster() -> None:
    """Where no more comes than expected, there is nothing to tell."""
    assert scan({name: [2, 2, 2] for name in LINE}, FEW, neighbours(LINE)) == []
    assert score(1.0, 2.0) == 0.0


def test_chance_is_told_from_a_surge() -> None:
    """What chance does every other week is probable, and a surge is as improbable as 999 draws can tell."""
    near = neighbours(LINE, most=3)
    assert probability(1.0, FEW, near, Random(1)) > 0.2
    assert probability(25.0, FEW, near, Random(1)) == 0.001


def test_a_large_mean_is_drawn_too() -> None:
    """Means beyond the end of exp(-mean) are drawn in parts, and what is drawn has that mean."""
    near = neighbours({"a": (70.0, 50.0)})
    assert probability(score(2000 + 120, 2000.0), {"a": [2000.0]}, near, Random(3)) < 0.05
    assert probability(score(2000 + 10, 2000.0), {"a": [2000.0]}, near, Random(3)) > 0.2


@NEEDED
def test_new_mexico_is_as_published() -> None:
    """415 zones over 32 counties, of which Los Alamos and Santa Fe score 9.180617 over four years.

    What is expected follows from the regression in the file: log μ = a + b (year - 1985) + log(population).
    """
    told = (FOLDER / "nm_expected.txt").read_text(encoding="utf-8").splitlines()
    intercept, slope = (float(each) for each in told[2].split())
    with (FOLDER / "nm_geo.csv").open(encoding="utf-8", newline="") as file:
        positions = {row["county"]: (float(row["seat_long"]), float(row["seat_lat"])) for row in csv.DictReader(file)}
    observed: dict[str, list[int]] = {county: [] for county in positions}
    expected: dict[str, list[float]] = {county: [] for county in positions}
    with (FOLDER / "nm_popcas.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if 1986 <= int(row["year"]) <= 1989:
                observed[row["county"]].append(int(row["count"]))
                rate = exp(intercept + slope * (int(row["year"]) - 1985))
                expected[row["county"]].append(rate * int(row["population"]))
    near = neighbours(positions, most=15)
    assert len(zones(near)) == 415
    clusters = scan(observed, expected, near)
    theirs = [line.split() for line in told if line.startswith("score ")]
    assert len(theirs) == 6
    for cluster, words in zip(clusters, theirs, strict=False):
        assert cluster.score == pytest.approx(float(words[1]), abs=1e-6)
        assert (cluster.weeks, cluster.observed) == (int(words[3]), int(words[5]))
        assert cluster.expected == pytest.approx(float(words[7]), abs=1e-6)
        assert cluster.places == tuple(words[9].split("+"))
    assert clusters[0].score == pytest.approx(9.180617, abs=1e-6)
