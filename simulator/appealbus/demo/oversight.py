"""The end of the demonstration: the report of a period, and the alarm of a week."""

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from appealbus.core.clocks import day_of, wall
from appealbus.core.journal import state
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.view import PublicJournal
from appealbus.core.language import Reader
from appealbus.demo.past import live_through
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.formatting import Teller
from appealbus.plugins.report.row import Span
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store as Figures
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.formatting import alarm_lines, kept_line
from appealbus.plugins.surges.settings import SurgesSettings
from appealbus.plugins.surges.store import Store as Counts
from appealbus.plugins.surges.watch import count_new, judged_week, last_whole_week, surges

_FIRST = date(2026, 1, 1)
"""Before the first appeal of the demonstration."""
_SHOWN = list(Column)[: list(Column).index(Column.REPEATS) + 1]
"""Columns that the source article has; the report has more."""
_COLUMNS = 3
"""Maximum number of rows beside the total, the largest first; the others are merged."""
_LONGEST, _WIDE = 28, 14
"""Maximum number of characters of a row's name, and width of a column: five fit into eighty characters."""


async def figures(out: Console, journal: Journal) -> None:
    """Print the report of all appeals transposed, to fit into eighty columns."""
    today = day_of(wall())
    with closing(Figures(None)) as store:
        await follow(journal, (await journal.ask(state.how_it_stands)).journal, store)
        table = make_table(store, ReportSettings(), Span(_FIRST, today), By.CATEGORY, today)
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
