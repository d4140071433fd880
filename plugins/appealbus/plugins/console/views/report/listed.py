"""The appeals behind one number of the report."""

import re
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from appealbus.core.management import appeals as journal_appeals
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.report.figures import asked, query_of, view
from appealbus.plugins.report.listing import LISTED, Cell
from appealbus.plugins.report.row import SHARE_OF
from appealbus.plugins.report.words import Formula

_ROW = re.compile(r"[0-9a-f]{12}|")


@view.get("/report/appeals", may=Action.REPORT)
async def appeals(page: Page) -> Response:
    """Show a page of appeals for one row and column, the newest first; not in the public form."""
    words, ask = page.words, asked(page)
    if ask.public:
        raise Refused(403, words.say("Numbers as they may be published lead to no appeals."))
    row, before = page.query.get("row", ""), page.number("before")
    column = next((each for each in LISTED if each.value == page.query.get("column")), None)
    if column is None or not _ROW.fullmatch(row):
        raise Refused(404, words.say("There is no such number."))
    cell = Cell(ask, words.language, row, column, before or 0)
    told = orjson.loads(await page.console.api.reports.made(cell))
    if told is None:
        raise Refused(404, words.say("There is no such row, or no longer."))
    found = await page.journal.ask(journal_appeals.appeals_with, told["ids"])
    seen = [found[each] for each in told["ids"] if each in found and page.viewer.sees(found[each])]
    await page.looks("report", found=len(seen))
    query = query_of(ask)
    of = SHARE_OF.get(column)
    here = {**query, "row": row, "column": column.value}
    return page.show(
        "report/listed.html",
        ask=ask,
        row=told["row"],
        count=told["count"],
        column=words.word(column),
        formula=words.word(Formula[column.name]),
        of=None if of is None else (words.word(of), urlencode({**query, "row": row, "column": of.value})),
        appeals=[(each.public_id, await page.views.row(each)) for each in seen],
        missing=len(told["ids"]) - len(seen),
        figures=urlencode(query),
        pages=page.pages(told["next"] or None, "before", here),
    )
