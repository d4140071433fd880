"""The appeals behind a surge, and their common features."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from appealbus.core import AppealRow, Case, WeekPart
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.surge import SharedBy

MOST = 100
"""Maximum number of appeals read for one alarm: enough for common features; a read takes a tenth of a second."""
_FEWEST = 3
"""Minimum number of appeals for a common feature: fewer may reveal one household."""
_TOLD = 10
"""Maximum number of features, the most frequent first: one screen."""
_OF_ONE = re.compile(r"\d|^(д|дом|кв|квартира|үй|пәтер|корп|корпус|подъезд)\b\.?", re.IGNORECASE)
"""A part of an address that is a house or a flat."""


@dataclass(frozen=True, slots=True)
class About:
    name: str = ""
    """The most frequent name of the category."""
    numbers: tuple[str, ...] = ()
    shared: tuple[SharedBy, ...] = ()


class Readable(Protocol):
    """The part of the journal that is read."""

    async def appeals_of_week(self, part: WeekPart, limit: int = 100) -> list[AppealRow]:
        """Return the newest appeals of a part of a week."""

    async def case(self, number: str) -> Case | None:
        """Return an appeal."""


async def behind(journal: Readable, parts: Sequence[WeekPart]) -> About:
    every = [row for part in parts for row in await journal.appeals_of_week(part, MOST)]
    rows = sorted(every, key=lambda row: -row.appeal_id)[:MOST]
    cases = [await journal.case(row.number) for row in rows]
    appeals = [case.appeal for case in cases if case is not None]
    names = Counter(appeal.category.name for appeal in appeals if appeal.category and appeal.category.name)
    name = names.most_common(1)[0][0] if names and parts[0].category else ""
    return About(name, tuple(row.number for row in rows), shared(appeals))


def shared(appeals: Sequence[Appeal]) -> tuple[SharedBy, ...]:
    """Return parcels, organisations and streets that at least three appeals have in common.

    Applicants are excluded, organisations too: their identity and address do not belong in an alarm.
    """
    counted = Counter(thing for appeal in appeals for thing in set(_things(appeal)))
    return tuple(
        SharedBy(kind=kind, value=value, appeals=count)
        for (kind, value), count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        if count >= _FEWEST
    )[:_TOLD]


def _things(appeal: Appeal) -> Iterator[tuple[str, str]]:
    mentions = appeal.mentions
    for parcel in appeal.parcels:
        if parcel.cadastral_number:
            yield "parcel", re.sub(r"\D", "", parcel.cadastral_number)
    for number in mentions.cadastral_numbers:
        yield "parcel", re.sub(r"\D", "", number.value)
    for organisation in mentions.bins:
        yield "organisation", organisation.value
    for part in ((appeal.place and appeal.place.address) or "").split(","):
        written = " ".join(part.split())
        if written and not _OF_ONE.search(written):
            yield "address", written.casefold()
