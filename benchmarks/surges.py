"""Planted surges in synthetic years: the share found, the delay, and the false alarms a month.

    python benchmarks/surges.py --past 1 --weeks 52
    python benchmarks/surges.py --past 5 --weeks 26 --seed 2

Twenty topics in ninety districts of nine regions, with season, trend and more scatter than Poisson's: 2,100 series with
their sums. Three things happen again and again: a dump burns, a school's boundary is drawn anew, and a developer's
parcels cross three neighbouring districts. Nothing is known of them but the weekly counts.
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from appealbus.plugins.surges.clusters import clusters
from appealbus.plugins.surges.judge import gathered, judge
from appealbus.plugins.surges.series import WEEK, Book, Series, WeekRow, book
from appealbus.plugins.surges.statistics.scan import neighbours

TOPICS = [f"t{at:02}" for at in range(20)]
REGIONS = [str(at) for at in range(11, 20)]
DISTRICTS = [f"{region}{at}" for region in REGIONS for at in range(10, 20)]
PLACES = {place: (50.0 + int(place[:2]) % 3 * 10 + at % 4, 43.0 + at // 4) for at, place in enumerate(DISTRICTS)}
NEAR = neighbours(PLACES, 15)
FIRST = date(2021, 1, 4)
YEAR = 52.18
LINGERS = 2
"""Weeks after its end in which an alarm about a surge is still about it, and not false."""
MONTH = 30.44 / 7


@dataclass(frozen=True)
class Kind:
    """What happens: appeals more than usual, in the mean, in each of its weeks and districts."""

    name: str
    more: tuple[float, ...]
    districts: int = 1


KINDS = (
    Kind("a dump burns", (8, 20, 8)),
    Kind("a school's boundary", (2, 4, 8, 12, 12, 6)),
    Kind("a developer's parcels", (3, 5, 5, 5, 5, 5, 3), 3),
)


@dataclass
class Planted:
    """One surge."""

    kind: Kind
    topic: str
    places: tuple[str, ...]
    week: int
    weekday: int
    found: int | None = None

    def series(self) -> list[Series]:
        return [Series(self.topic, place) for place in self.places]

    def lasts(self, week: int) -> bool:
        return self.week <= week < self.week + len(self.kind.more) + LINGERS

    def meets(self, series: Series) -> bool:
        return any(series.meets(each) for each in self.series())

    @property
    def delay(self) -> int | None:
        """Days from its first day to the Monday on which it is told."""
        return None if self.found is None else (self.found + 1 - self.week) * 7 - self.weekday


def poisson(random: Random, mean: float) -> int:
    count, end, product = 0, math.exp(-mean), random.random()
    while product > end:
        count += 1
        product *= random.random()
    return count


def scattered(random: Random, mean: float, dispersion: float) -> int:
    return poisson(random, random.gammavariate(mean / (dispersion - 1), dispersion - 1))


def planted(random: Random, first: int, last: int) -> Iterator[Planted]:
    """Yield one surge of each kind every three weeks, each topic and district rested in between."""
    for week in range(first, last, 3):
        for kind in KINDS:
            place = random.choice(DISTRICTS)
            yield Planted(kind, random.choice(TOPICS), tuple(NEAR[place][: kind.districts]), week, random.randrange(5))


def counted(random: Random, weeks: int, surges: list[Planted]) -> list[WeekRow]:
    """Return what the journal would have counted."""
    rows = []
    extra: dict[tuple[str, str, int], float] = {}
    for surge in surges:
        for at, more in enumerate(surge.kind.more):
            share = (5 - surge.weekday) / 5 if at == 0 else 1.0
            for place in surge.places:
                key = surge.topic, place, surge.week + at
                extra[key] = extra.get(key, 0.0) + more * share
    for topic in TOPICS:
        phase, swing, trend = random.random() * YEAR, random.uniform(0.0, 0.5), random.uniform(-0.1, 0.15)
        usual = math.exp(random.gauss(0.0, 1.0))
        for place in DISTRICTS:
            mean, dispersion = usual * math.exp(random.gauss(0.0, 0.6)), random.choice((1.1, 1.3, 1.5, 2.0))
            for week in range(weeks):
                season = math.exp(swing * math.sin(2 * math.pi * (week - phase) / YEAR) + trend * week / YEAR)
                count = scattered(random, mean * season, dispersion) + poisson(
                    random, extra.get((topic, place, week), 0.0)
                )
                rows.append(WeekRow(FIRST + week * WEEK, topic, f"{place}00000", count))
    return rows


def part(whole: Book, week: int) -> Book:
    """Return the book as it is at the end of a week."""
    return Book(
        whole.first + week * WEEK, week + 1, {series: counts[: week + 1] for series, counts in whole.series.items()}
    )


@dataclass
class Seen:
    """What the weeks have shown."""

    false: int = 0
    alarms: int = 0
    seconds: float = 0.0


def note(surges: list[Planted], week: int, series: list[Series], seen: Seen) -> None:
    """Note an alarm: which surges it is about, or that it is about none."""
    mine = [surge for surge in surges if surge.lasts(week) and any(surge.meets(each) for each in series)]
    seen.alarms += 1
    seen.false += not mine
    for surge in mine:
        if surge.found is None and week < surge.week + len(surge.kind.more):
            surge.found = week


def main() -> None:
    """Run the weeks and print what they have shown."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--past", type=int, default=1, help="years before the first week that is judged")
    asked.add_argument("--weeks", type=int, default=52, help="weeks that are judged")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--scan", action="store_true", help="scan neighbouring districts, too")
    asked.add_argument("--calm", action="store_true", help="plant nothing")
    options = asked.parse_args()
    random = Random(options.seed)
    first = round(options.past * YEAR) + 8
    surges = [] if options.calm else list(planted(random, first, first + options.weeks - 8))
    rows = counted(random, first + options.weeks, surges)
    whole = book(rows, FIRST + (first + options.weeks - 1) * WEEK)
    shift = (whole.first - FIRST) // WEEK
    seen, scanned = Seen(), Seen()
    for week in range(first, first + options.weeks):
        now = part(whole, week - shift)
        began = time.process_time()
        heads = gathered(judge(now).surges)
        seen.seconds += time.process_time() - began
        for head in heads:
            note(surges, week, [head.series], seen)
        if options.scan:
            began = time.process_time()
            found = clusters(now, NEAR, 0.05).found
            scanned.seconds += time.process_time() - began
            for each in found:
                series = [Series(each.category, place) for place in each.cluster.places]
                if not any(head.series.meets(one) for head in heads for one in series):
                    note(surges, week, series, scanned)
    tell(options, whole, surges, seen, scanned)


def tell(options: argparse.Namespace, whole: Book, surges: list[Planted], seen: Seen, scanned: Seen) -> None:
    """Print it."""
    print(
        f"{len(whole.series)} series, {options.past} years of past, {options.weeks} weeks judged, seed {options.seed}"
    )
    print(f"{seen.seconds / options.weeks:.1f} s of CPU a week", end="")
    print(f", and {scanned.seconds / options.weeks:.1f} s for the scan" if options.scan else "")
    print("| surge | planted | found | days from its first day, median | 90th percentile |\n|---|---|---|---|---|")
    for kind in KINDS:
        mine = [surge for surge in surges if surge.kind == kind]
        delays = sorted(surge.delay for surge in mine if surge.delay is not None)
        if delays:
            late = delays[math.ceil(0.9 * len(delays)) - 1]
            told = f"{len(delays) / len(mine):.0%} | {statistics.median(delays):.0f} | {late}"
            print(f"| {kind.name} | {len(mine)} | {told} |")
    months = options.weeks / MONTH
    print(f"false alarms a month: {seen.false / months:.2f} of {seen.alarms / months:.1f}", end="")
    print(f"; more by the scan: {scanned.false / months:.2f} of {scanned.alarms / months:.1f}" if options.scan else "")


if __name__ == "__main__":
    main()
