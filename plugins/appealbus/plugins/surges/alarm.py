"""An alarm as a value, and how it is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson
from pydantic import TypeAdapter

from appealbus.plugins.surges.clusters import Found, Scanned
from appealbus.plugins.surges.judge import Judged, Verdict

CLOSINGS = ("true", "false", "known")
"""What an alarm may turn out to be: a problem; none; one that was known before."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What several of the appeals have in common."""

    kind: str
    """`parcel`, `organisation` or `address`."""
    value: str
    appeals: int


@dataclass(frozen=True, slots=True)
class Part:
    """A series that stands out, too, since it may count the same appeals."""

    category: str
    place: str
    observed: int
    expected: float
    probability: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """More appeals than the past of their series explains.

    Attributes:
        category: its code; empty: all.
        name: what the register calls the category; empty where no appeal says so.
        place: the first two digits of КАТО (a region) or four (a district); empty: everywhere.
        bound: the count above which the series stands out by itself.
        probability: of this count or more without a surge.
        method: `ears_c2`, `farrington`, or `scan` of districts that stand out together, with a + between them.
        weeks: how many weeks before this one the series has.
        compared: Monday and count of each week that it was compared with.
        tested: how many series were tested in this week.
        limit: the largest probability that is still an alarm, over all of them.
        rate: the share of the alarms that may be chance.
        lasts: the weeks up to this one in which so many were observed; 1, but for `scan`.
        also: series that may count the same appeals, and stand out, too.
        numbers: of the appeals behind it, the newest first; `observed` says how many there are.
        shared: what several of these have in common, the most frequent first.

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
        """Return it as JSON, with these names."""
        return orjson.dumps(self)


READ = TypeAdapter(Alarm).validate_json
"""Reads what `to_json` wrote."""


@dataclass(frozen=True, slots=True)
class KeptAlarm:
    """An alarm with its number, and what people did about it."""

    id: int
    alarm: Alarm
    raised_at: datetime
    told_at: datetime | None = None
    """When the first of its receivers got it."""
    taken_at: datetime | None = None
    taken_by: str | None = None
    taken_until: date | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    verdict: str | None = None
    """One of `CLOSINGS`."""
    done: str | None = None
    """What was done, in the words of whoever closed it."""


@dataclass(frozen=True, slots=True)
class About:
    """What the appeals behind an alarm say: the category's name, their numbers, and what they share."""

    name: str = ""
    numbers: tuple[str, ...] = ()
    shared: tuple[Shared, ...] = ()


def alarm_of(judged: Judged, rate: float, verdict: Verdict, others: Sequence[Verdict], about: About) -> Alarm:
    """Make an alarm of what was found in a week."""
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
            Part(each.series.category, each.series.place, each.observed, each.expected, each.probability)
            for each in others
        ),
        numbers=about.numbers,
        shared=about.shared,
    )


def alarm_of_cluster(monday: date, rate: float, scanned: Scanned, found: Found, about: About) -> Alarm:
    """Make an alarm of districts that stand out together."""
    cluster = found.cluster
    return Alarm(
        monday,
        found.category,
        about.name,
        "+".join(cluster.places),
        cluster.observed,
        cluster.expected,
        cluster.expected,
        found.probability,
        "scan",
        found.weeks,
        found.compared,
        scanned.tested,
        scanned.limit,
        rate,
        cluster.weeks,
        (),
        about.numbers,
        about.shared,
    )
