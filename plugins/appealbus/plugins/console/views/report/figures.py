"""The report of a period within the person's scopes, as a table and as CSV."""

from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from appealbus.core.management.viewing import Action
from appealbus.plugins.api.reports import ask_of
from appealbus.plugins.console.forms import place_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.report.asking import Ask, ReportFormat, ReportOrder
from appealbus.plugins.report.listing import LISTED, row_mark
from appealbus.plugins.report.table import OTHERS
from appealbus.plugins.report.words import By, Column, Formula, Label

view = View("report", "Figures", place=35, path="/report", needs=Action.REPORT)

_ROWS = 16
"""Rows of a page: a row has 22 numbers, and a link for each takes some 190 bytes."""


@view.get("/report", may=Action.REPORT)
async def report(page: Page) -> Response:
    """Show the report with a definition of each column; except in the public form, each count links to its appeals."""
    ask = asked(page)
    wanted = ReportOrder(ask, ReportFormat.JSON, page.words.language, rounds=False)
    table = orjson.loads(await page.console.api.reports.made(wanted))
    await _note(page, ask)
    mark = (await page.journal.keyed()).mark
    rows = [(row_mark(mark, row["key"]), row) for row in table["rows"]]
    after = page.query.get("after", "")
    begin = next((at for at, (each, _) in enumerate(rows, 1) if each == after), 0)
    page_of, query = rows[begin : begin + _ROWS], query_of(ask)
    return page.show(
        "report/figures.html",
        ask=ask,
        plain=page.viewer.mask.plain,
        kinds=[(each.value, page.words.word(each)) for each in By],
        columns=[(each.value, page.words.word(each)) for each in Column],
        footnotes=[page.words.word(Formula[each.name]) for each in Column],
        shares=page.words.word(Label.TRUNCATED),
        total=page.words.word(Label.TOTAL),
        nameless=page.words.word(Label.UNTOLD),
        others=(OTHERS, page.words.word(Label.OTHERS)),
        table=table,
        rows=page_of,
        count=len(rows),
        listed=frozenset() if ask.public else {each.value for each in LISTED},
        query_=urlencode(query),
        pages=page.pages(page_of[-1][0] if begin + _ROWS < len(rows) else None, kept=query),
    )


@view.get("/report/table.csv", may=Action.REPORT)
async def table(page: Page) -> Response:
    ask = asked(page)
    body = await page.console.api.reports.made(ReportOrder(ask, ReportFormat.CSV, page.words.language, rounds=False))
    await _note(page, ask)
    name = f"report-{ask.span.since}-{ask.span.until}-{ask.by}.csv"
    return Response(body, media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'})


async def _note(page: Page, ask: Ask) -> None:
    if not ask.public:
        await page.looks("report")


def asked(page: Page) -> Ask:
    place = place_of(page.query.get("place", ""), page.words)
    said = page.query.get("by") or By.BODY.value
    by = next((each for each in By if each.value == said), None)
    if by is None:
        raise page.nowhere
    days = page.day("since"), page.day("until")
    public = page.query.get("public") == "1"
    return ask_of(page.session.client, page.viewer, days, by, place, public=public)


def query_of(ask: Ask) -> dict[str, str]:
    said = {"since": str(ask.span.since), "until": str(ask.span.until), "by": ask.by.value, "place": ask.span.place}
    return {name: value for name, value in said.items() if value} | ({"public": "1"} if ask.public else {})
