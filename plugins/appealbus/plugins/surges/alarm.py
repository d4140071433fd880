"""Alarms, and their JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson
from pydantic import TypeAdapter

from appealbus.plugins.surges.clusters import Found, Scanned
from appealbus.plugins.surges.judge import Judged, Verdict

CLOSINGS = ("true", "false", "known")
"""Verdicts on an alarm: a problem; none; one already known."""


@dataclass(frozen=True, slots=True)
class Shared:
    kind: str
    """`parcel`, `organisation` or `address`."""
    value: str
    appeals: int


@dataclass(frozen=True, slots=True)
class Part:
    """Another surge that may count the same appeals."""

    category: str
    place: str
    observed: int
    expected: float
    probability: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """More appeals than the history of the series explains.

    Attributes:
        category: its code; empty: all.
        name: the register's name of the category; empty if no appeal has one.
        place: prefix of КАТО: two digits (region) or four (district); empty: everywhere.
        bound: count above which the series is a surge by itself.
        probability: of this count or more by chance.
        method: `ears_c2`, `farrington`, or `scan` for a cluster of districts, joined with +.
        weeks: weeks of history.
        compared: Monday and count of each week of the baseline.
        tested: number of series tested in this week.
        limit: largest probability that is an alarm, over all series.
        rate: expected share of false alarms.
        lasts: number of weeks counted, up to this one; always 1 except for `scan`.
        also: other surges that may count the same appeals.
        numbers: of the appeals behind it, the newest first; `observed` is the total.
        shared: their common features, the most frequent first.
    """

    monday: date
    category: str
    name: str
    place: str
    observed: int
    expected: float
    bound: float
    probability: float
    method: str
    weeks: int
    compared: tuple[tuple[date, int], ...]
    tested: int
    limit: float
    rate: float
    lasts: int = 1
    also: tuple[Part, ...] = ()
    numbers: tuple[str, ...] = ()
    shared: tuple[Shared, ...] = ()

    def to_json(self) -> bytes:
        return orjson.dumps(self)


READ = TypeAdapter(Alarm).validate_json
"""Inverse of `to_json`."""


@dataclass(frozen=True, slots=True)
class KeptAlarm:
    id: int
    alarm: Alarm
    raised_at: datetime
    told_at: datetime | None = None
    """When its first receiver got it."""
    taken_at: datetime | None = None
    taken_by: str | None = None
    taken_until: date | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    verdict: str | None = None
    """One of `CLOSINGS`."""
    done: str | None = None
    """Action taken, in the words of the person who closed it."""


@dataclass(frozen=True, slots=True)
class About:
    name: str = ""
    numbers: tuple[str, ...] = ()
    shared: tuple[Shared, ...] = ()


def alarm_of(judged: Judged, rate: float, verdict: Verdict, others: Sequence[Verdict], about: About) -> Alarm:
    return Alarm(
        judged.monday,
        verdict.series.category,
        about.name,
        verdict.series.place,
        verdict.observed,
        verdict.expected,
        verdict.bound,
        verdict.probability,
        verdict.method.value,
        verdict.weeks,
        tuple(zip(verdict.compared, verdict.counts, strict=True)),
        judged.tested,
        judged.limit,
        rate,
        also=tuple(
            Part(other.series.category, other.series.place, other.observed, other.expected, other.probability)
            for other in others
        ),
        numbers=about.numbers,
        shared=about.shared,
    )


def alarm_of_cluster(monday: date, rate: float, scanned: Scanned, finding: Found, about: About) -> Alarm:
    cluster = finding.cluster
    return Alarm(
        monday,
        finding.category,
        about.name,
        "+".join(cluster.places),
        cluster.observed,
        cluster.expected,
        cluster.expected,
        finding.probability,
        "scan",
        finding.weeks,
        finding.compared,
        scanned.tested,
        scanned.limit,
        rate,
        cluster.weeks,
        (),
        about.numbers,
        about.shared,
    )
