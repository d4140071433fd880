"""A synthetic past, which report and alarms need.

Fourteen weeks of appeals like those of the demonstration, most of them answered. In the last whole week the neighbours
of a river write too.
"""

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import Any

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, Language, ParcelReference, Place
from appealbus.schemas.change import AnswerResult, Change, ChangeKind
from appealbus.simulator.appeals import appeals

WEEKS = 14
"""Includes the judged week; ten weeks of history are the minimum."""
_A_WEEK = 40
_NEIGHBOURS = 24
_RIVER = "110"
"""Category: protection of nature."""
_PLACE = Place(kato="274600000", address="Переметное, ул. Жайык")
_PARCEL = ParcelReference(cadastral_number="08-118-770-8946")
_REDIRECTED, _ANSWERED = 0.29, 0.93
RESULTS = {AnswerResult.SATISFIED: 34, AnswerResult.REFUSED: 3, AnswerResult.EXPLAINED: 60, AnswerResult.TAKEN_NOTE: 3}
"""Percent of each result, as the region published for 4½ months of 2025."""


async def live_through(journal: Journal, monday: date) -> int:
    """Write the past up to the week of a Monday; return its number of appeals."""
    random = Random(1)  # noqa: S311 - the same past each time
    began = datetime.combine(monday - (WEEKS - 1) * timedelta(weeks=1), time(9), KAZAKHSTAN)
    news = list(_appeals(random, began))
    await asyncio.gather(*(journal.accept(letter) for letter in news))
    until = began + WEEKS * timedelta(weeks=1)
    changes = [change for letter in news for change in _changes(random, letter) if change.received_at < until]
    await asyncio.gather(*(journal.do(targets.Changing(change)) for change in changes))
    return len(news)


def _appeals(random: Random, began: datetime) -> Iterator[NewAppeal]:
    letters, river = list(appeals()), neighbour()
    for week in range(WEEKS):
        monday = began + week * timedelta(weeks=1)
        written = [random.choice(letters) for _ in range(_A_WEEK)]
        if week == WEEKS - 1:
            written += [river] * _NEIGHBOURS
        for at, letter in enumerate(written):
            moment = monday + timedelta(days=at % 5, minutes=at)
            yield _again(letter, f"past-{week}-{at}", moment)


@cache
def neighbour() -> Appeal:
    letters = (appeal for appeal in appeals() if appeal.category and appeal.category.code == _RIVER)
    river = next(letter for letter in letters if letter.language is Language.RUSSIAN)
    return river.model_copy(update={"place": _PLACE, "parcels": [_PARCEL]})


def _again(letter: Appeal, message_id: str, moment: datetime) -> NewAppeal:
    new = {"message_id": message_id, "channel": "past", "number": None, "received_at": moment, "due_on": None}
    return NewAppeal(letter.model_copy(update=new), moment, "demo", day_of(moment) + timedelta(days=21))


def _changes(random: Random, new: NewAppeal) -> Iterator[NewChange]:
    of: dict[str, Any] = {"channel": "past", "appeal_message_id": new.appeal.message_id}
    chance = random.random()
    if chance < _REDIRECTED:
        at = new.accepted_at + timedelta(days=2)
        about = of | {"kind": ChangeKind.REDIRECTED, "to": {"name": "Министерство", "bin": "240840014331"}}
    elif chance < _ANSWERED:
        at = new.accepted_at + timedelta(days=random.choice((6, 9, 12, 15, 19, 20, 23)))
        result = random.choices(list(RESULTS), list(RESULTS.values()))[0]
        about = of | {"kind": ChangeKind.ANSWERED, "result": result, "answered_on": day_of(at)}
    else:
        return
    given = about | {"message_id": f"{new.appeal.message_id}-after", "dated_at": at}
    yield NewChange(Change.model_validate(given), at, "demo")
