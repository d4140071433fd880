"""Ids of the appeals behind one number of a table, the newest first, in pages."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson

from appealbus.core.language import Reader, ReaderLanguage
from appealbus.core.management import JournalReader
from appealbus.plugins.report.asking import Ask
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.formatting import Teller
from appealbus.plugins.report.matters import Mark
from appealbus.plugins.report.row import Row, Table
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.table import COUNTED, KEYS, Counting, Folded, shifted
from appealbus.plugins.report.words import By, Column

PAGE = 50
_LAST = 1 << 62
_DECIDED = "'satisfied', 'partly_satisfied', 'refused', 'explained'"
_ALSO = {Column.OTHER: f"state = 'considered' AND result NOT IN ({_DECIDED})", Column.REPEATS_BEFORE: "repeat"}
"""Columns that are no plain count: a difference, and another year."""
LISTED = {*COUNTED, *_ALSO} - {Column.HOURS_SAVED}
"""Columns that count appeals; the others are days, hours and a change."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a table, and the position in its list.

    Attributes:
        ask: the table; never the public form, as the list would reveal small numbers.
        language: of the row's name.
        row: mark of its row; empty: the total.
        column: one that counts appeals.
        before: only appeals with smaller ids; 0: from the newest on.
    """

    ask: Ask
    language: ReaderLanguage
    row: str
    column: Column
    before: int = 0


def row_mark(mark: Mark, key: str) -> str:
    """Return a pseudonym of a row for URLs: its key may be user input, such as a name."""
    return mark("report.row", key)[:6].hex()


async def listed(journal: JournalReader, journal_id: str, settings: ReportSettings, cell: Cell) -> bytes:
    """Update the counts from the journal, and list a cell as JSON; `null` if the row does not exist.

    Keys: `row`, its name; `count` of all its appeals; `ids` of the page; `next` if another page follows. Raises
    ConfigError if the file or the journal's key is unusable, JournalError if the journal does not answer.
    """
    with closing(Store(settings.file)) as store:
        await follow(journal, journal_id, store)
        return orjson.dumps(list_cell(store, settings, cell, (await journal.keyed()).mark))


def list_cell(store: Store, settings: ReportSettings, cell: Cell, mark: Mark) -> dict[str, Any] | None:
    ask, by, is_before = cell.ask, cell.ask.by, cell.column is Column.REPEATS_BEFORE
    counting = Counting(store, settings, ask.span, by, ask.today)
    span = ask.span.year_before() if is_before else ask.span
    where, values, key = f"AND ({_ALSO.get(cell.column) or counting.of(cell.column)})", list[object](), ""
    if cell.row:
        folded = counting.folded()
        whole_key = _key(counting, folded, cell, mark)
        if whole_key is None:
            return None
        key = whole_key
        where += f" AND {folded.key} = ?"
        values.append(shifted(key, by, -1) if is_before else key)
    ((count, label),) = counting.select(span, f"count(*), {KEYS[by][1]}", where, *values)
    rest = f"{where} AND appeal_id < ? ORDER BY appeal_id DESC LIMIT {PAGE + 1}"
    ids = [row[0] for row in counting.select(span, "appeal_id", rest, *values, cell.before or _LAST)]
    goes_on = ids[PAGE - 1] if len(ids) > PAGE else None
    return {"row": _name(store, cell, key, label or ""), "count": count, "ids": ids[:PAGE], "next": goes_on}


def _key(counting: Counting, folded: Folded, cell: Cell, mark: Mark) -> str | None:
    by, span = cell.ask.by, cell.ask.span.year_before()
    for key in folded.keys:
        if row_mark(mark, key) == cell.row:
            return key
    # A row may have nothing but repeats of the year before.
    for (key,) in counting.select(span, folded.key, "AND repeat GROUP BY 1"):
        if row_mark(mark, now := shifted(key, by, 1)) == cell.row:
            return now
    return None


def _name(store: Store, cell: Cell, key: str, label: str) -> str:
    row, total, ask = Row(key, label), Row(""), cell.ask
    for names in store.select("SELECT ru, kk FROM district WHERE code = ?", (key,)) if ask.by is By.DISTRICT else ():
        row.names = (names["ru"], names["kk"])
    teller = Teller(
        Table(ask.by, ask.span, ask.today, (row,), total), Reader(cell.language), rounds=False, public=False
    )
    return teller.name(row if cell.row else total)
