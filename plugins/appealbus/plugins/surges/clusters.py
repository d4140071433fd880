"""Clusters of neighbouring districts that are a surge together, though perhaps none is by itself."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path
from random import Random
from statistics import variance

from appealbus.core import ConfigError
from appealbus.plugins.surges.judge import SHORTEST
from appealbus.plugins.surges.series import WEEK, Book, Series, begin
from appealbus.plugins.surges.statistics.ears import BASELINE, GUARD
from appealbus.plugins.surges.statistics.multiple import benjamini_hochberg
from appealbus.plugins.surges.statistics.scan import MOST, Cluster, Position, neighbours, probability, scan

_WEEKS = GUARD + 1
"""Maximum number of weeks of a cluster: all after the baseline."""
_FEWEST = 5
"""Minimum number of appeals of a topic in these weeks."""
_MOST = 15
"""Maximum number of districts of a zone: about as many as a region has."""
_ROWS = 1000
"""Maximum number of districts of a table, as all pairs are compared: the country has some 230 with its cities."""
_COLUMNS = ("kato", "longitude", "latitude")


Near = Mapping[str, Sequence[str]]
"""By district: itself and its nearest neighbours, from `near_from`."""


@dataclass(frozen=True, slots=True)
class ClusterFound:
    """A cluster of one topic and its probability.

    Attributes:
        weeks: weeks of history of these districts.
        compared: weeks of the baseline with the counts of these districts.
    """

    category: str
    cluster: Cluster
    probability: float
    weeks: int
    compared: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Scanned:
    tested: int
    limit: float
    found: tuple[ClusterFound, ...]


def near_from(path: Path) -> Near:
    """Return the nearest districts of each, by the first four digits of КАТО; raise ConfigError with the invalid
    line."""
    positions: dict[str, Position] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            for row in lines:
                if len(positions) == _ROWS:
                    raise ConfigError(f"{path.name} has more than {_ROWS} districts; give each one once")
                kato, x, y = (row[column] for column in _COLUMNS)
                positions[_district(kato)] = (_within(x, 180.0), _within(y, 90.0))
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path.name} cannot be read as UTF-8") from None
    except (KeyError, TypeError, ValueError):
        raise ConfigError(
            f"{path.name}, line {lines.line_num}: write {','.join(_COLUMNS)} as 271000000,51.37,51.23 with degrees"
        ) from None
    return neighbours(positions, _MOST)


def clusters(book: Book, near: Near, rate: float) -> Scanned:
    """Scan each topic, and all together, over the last three weeks, against the baseline of EARS C2.

    If a topic rises in all districts, the expectation of each rises with it.
    """
    clusters = []
    if book.weeks > SHORTEST:
        random = Random(book.monday.toordinal())  # noqa: S311 - the same week gives the same figures
        topics = [topic for topic in sorted({series.category for series in book.series}) if _enough(book, topic, near)]
        # So many draws that a single cluster among all topics can pass the bound.
        most = max(MOST, ceil(2 * len(topics) / rate))
        for category in topics:
            one = _scanned(book, category, near, random, most)
            if one is not None:
                clusters.append(one)
    limit = benjamini_hochberg((cluster.probability for cluster in clusters), rate)
    return Scanned(len(clusters), limit, tuple(cluster for cluster in clusters if cluster.probability <= limit))


def _enough(book: Book, category: str, near: Near) -> bool:
    return sum(sum(book.series.get(Series(category, place), ())[-_WEEKS:]) for place in near) >= _FEWEST


def _scanned(book: Book, category: str, near: Near, random: Random, most: int) -> ClusterFound | None:
    nothing = [0] * book.weeks
    counts = {place: book.series.get(Series(category, place), nothing) for place in near}
    observed = {place: every[-_WEEKS:] for place, every in counts.items()}
    baselines = {place: every[-_WEEKS - BASELINE : -_WEEKS] for place, every in counts.items()}
    # Half an appeal more: seven weeks without any do not prove that there can be none.
    means = {place: (sum(weeks) + 0.5) / BASELINE for place, weeks in baselines.items()}
    # What rises everywhere is season, and shows in the sums: here the question is where.
    usual = sum(means.values())
    rise = [max(1.0, sum(observed[place][week] for place in near) / usual) for week in range(_WEEKS)]
    expected = {place: [mean * more for more in rise] for place, mean in means.items()}
    known = [variance(baselines[place]) / mean for place, mean in means.items() if mean >= 1.0]
    scatter = max(1.0, sum(known) / len(known)) if known else 1.0
    best = next(iter(scan(observed, expected, near)), None)
    if best is None:
        return None
    chance = probability(best.score, expected, near, random, scatter, baseline=BASELINE, most=most)
    weeks = tuple(
        (book.monday - (_WEEKS + BASELINE - 1 - at) * WEEK, sum(baselines[place][at] for place in best.places))
        for at in range(BASELINE)
    )
    together = [sum(every) for every in zip(*(counts[place] for place in best.places), strict=True)]
    return ClusterFound(category, best, chance, book.weeks - 1 - begin(together, SHORTEST), weeks)


def _district(kato: str) -> str:
    digits = "".join(kato.split())
    if not (digits.isdecimal() and digits.isascii() and len(digits) in (4, 9)):
        raise ValueError(kato)
    return digits[:4]


def _within(text: str, most: float) -> float:
    value = float(text)
    if not -most <= value <= most:
        raise ValueError(text)
    return value
