"""The end of the demonstration: the report of a period, and the alarm of a week, for which it needs a past.

That is fourteen weeks of appeals like those of the demonstration, most of them answered. In the last whole week the
neighbours of a river write too.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from appealbus.core.clocks import KAZAKHSTAN, day_of, wall
from appealbus.core.journal import state
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.view import PublicJournal
from appealbus.core.language import Reader
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.formatting import Teller
from appealbus.plugins.report.row import ReportSpan
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store as Figures
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.formatting import alarm_lines, kept_line
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store as Counts
from appealbus.plugins.surges.watch import count_new, judged_week, last_whole_week, surges
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

_FIRST = date(2026, 1, 1)
"""Before the first appeal of the demonstration."""
_SHOWN = list(Column)[: list(Column).index(Column.REPEATS) + 1]
"""Columns that the source article has; the report has more."""
_COLUMNS = 3
"""Maximum number of rows beside the total, the largest first; the others are merged."""
_LONGEST, _WIDE = 28, 14
"""Maximum number of characters of a row's name, and width of a column: five fit into eighty characters."""


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


async def figures(out: Console, journal: Journal) -> None:
    """Print the report of all appeals transposed, to fit into eighty columns."""
    today = day_of(wall())
    with closing(Figures(None)) as store:
        await follow(journal, (await journal.ask(state.how_it_stands)).journal, store)
        table = make_table(store, ReportSettings(), ReportSpan(_FIRST, today), By.CATEGORY, today)
    reader = Reader()
    document = Teller(table, reader, rounds=False, public=False).as_json()
    rows = sorted(document["rows"], key=lambda row: -row[Column.REGISTERED.value]["count"])
    out.print(_on_its_side(document["total"], rows[:_COLUMNS], rows[_COLUMNS:], reader))


def _on_its_side(total: dict[str, Any], largest: list[Any], others: list[Any], reader: Reader) -> Table:
    view = Table(box=SIMPLE, pad_edge=False)
    view.add_column("by category", no_wrap=True)
    for name in ("all", *(f"{row['key']} {row['label']}"[:_LONGEST] for row in largest), "others"):
        view.add_column(name, justify="right", overflow="fold", min_width=9, max_width=_WIDE)
    for column in _SHOWN:
        cells = [_cell(row[column.value]) for row in (total, *largest)]
        counts = [row[column.value]["count"] for row in others]
        view.add_row(reader.word(column), *cells, str(sum(counts)) if None not in counts else "")
    return view


def _cell(figure: dict[str, Any]) -> str:
    count, share = figure["count"], figure["percent"]
    return f"{'' if count is None else count}" + ("" if share is None else f" {share:4.1f}%")


async def alarm(out: Console, journal: Journal, folder: Path) -> int:
    """Judge the last whole week and print its alarms; return the number of series tested."""
    monday, settings = last_whole_week(wall()), SurgesSettings(file=folder / "surges.db")
    with closing(Counts(settings.file)) as store:
        await count_new(PublicJournal(journal), (await journal.ask(state.how_it_stands)).journal, store)
        judged, scanned = judged_week(store, monday, settings.rate)
        alarms = await surges(PublicJournal(journal), store, judged, settings.rate, scanned)
        for alarm in kept.raise_alarms(store, alarms, wall()):
            out.print(kept_line(alarm))
            for line in alarm_lines(alarm.alarm):
                out.print(line)
    return judged.tested


async def past(journal: Journal) -> int:
    return await live_through(journal, last_whole_week(wall()))
