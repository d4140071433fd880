"""Districts that stand out together."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from appealbus.core import ConfigError
from appealbus.plugins.surges.clusters import clusters, near_from
from appealbus.plugins.surges.series import Book, Series
from appealbus.plugins.surges.statistics.scan import neighbours
from tests.plugins.surges.calm import MONDAY, poisson
from tests.services.forms import form

DISTRICTS = {f"27{10 + at}": (50.0 + at % 4, 50.0 + at // 4) for at in range(12)}
NEAR = neighbours(DISTRICTS, 5)
CORNER = ("2710", "2711", "2714")


def calm(seed: int, topics: int = 3) -> dict[Series, list[int]]:
    random = Random(seed)
    return {
        Series(f"t{topic}", place): [poisson(random, 3.0) for _ in range(20)]
        for topic in range(topics)
        for place in DISTRICTS
    }


def test_three_neighbours_with_a_little_more_each_are_found_together() -> None:
    """Two weeks of nine where three are usual in three districts of a corner are one cluster of one topic."""
    series = calm(2)
    for place in CORNER:
        series[Series("t1", place)] = [*[3] * 18, 9, 9]
    scanned = clusters(Book(MONDAY, 20, series), NEAR, 0.05)
    (found,) = scanned.found
    assert (found.category, found.cluster.places, found.cluster.weeks) == ("t1", CORNER, 2)
    assert (found.cluster.observed, scanned.tested) == (54, 3)
    assert found.probability <= scanned.limit <= 0.05
    assert found.compared == tuple((MONDAY - timedelta(weeks=ago), 9) for ago in range(9, 2, -1))


def test_one_cluster_among_many_topics_can_be_found() -> None:
    """Where sixty topics are scanned, there are so many draws that one alone can pass the bound of all."""
    series = {Series(f"t{topic:02}", place): [3] * 20 for topic in range(60) for place in DISTRICTS}
    for place in CORNER:
        series[Series("t01", place)] = [*[3] * 18, 15, 15]
    (found,) = clusters(Book(MONDAY, 20, series), NEAR, 0.05).found
    assert found.probability <= 0.05 / 60


def test_the_same_week_gives_the_same_figures() -> None:
    """Draws are those of the week, so that whoever looks again sees the same."""
    book = Book(MONDAY, 20, calm(2))
    assert clusters(book, NEAR, 0.5) == clusters(book, NEAR, 0.5)


def test_calm_weeks_are_rarely_a_cluster() -> None:
    """In weeks of three topics in which nothing happens about one in twenty has a cluster: the rate, give or take."""
    weeks = form(40, 200)
    alarmed = sum(bool(clusters(Book(MONDAY, 20, calm(seed)), NEAR, 0.05).found) for seed in range(weeks))
    assert alarmed / weeks <= 0.05 + 3 * (0.05 * 0.95 / weeks) ** 0.5


def test_too_little_is_not_scanned() -> None:
    """Under ten weeks nothing is scanned, nor is a topic with fewer than five appeals."""
    assert clusters(Book(MONDAY, 10, {Series("t", "2710"): [9] * 10}), NEAR, 0.05).tested == 0
    assert clusters(Book(MONDAY, 20, {Series("t", "2710"): [0] * 19 + [4]}), NEAR, 0.05).tested == 0


def test_positions_are_read_from_a_table(tmp_path: Path) -> None:
    """A table with КАТО and degrees gives the nearest districts of each; codes may have nine digits or four."""
    file = tmp_path / "districts.csv"
    file.write_text("kato,longitude,latitude\n271000000,51.4,51.2\n2736,51.5,51.3\n2730,49.0,50.0\n", encoding="utf-8")
    assert near_from(file)["2710"] == ("2710", "2736", "2730")


@pytest.mark.parametrize(
    "row", ["271,51,51", "271000000,151,191", "271000000,x,51", "271000000,51", "271000000,nan,51"]
)
def test_a_table_that_is_none_says_which_line(row: str, tmp_path: Path) -> None:
    """A code or a degree that cannot be is told with its line and with what to write."""
    file = tmp_path / "districts.csv"
    file.write_text(f"kato,longitude,latitude\n273600000,51.4,51.2\n{row}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"districts.csv, line 3: write kato,longitude,latitude as"):
        near_from(file)
