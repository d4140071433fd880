"""The figures of a period within the person's scopes: a table, and the same as CSV."""

import re
from datetime import date
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from appealbus.core.rights.actions import Action
from appealbus.plugins.api.figures import ask_of, made
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.report.asking import Ask, Form, Wanted
from appealbus.plugins.report.table import OTHERS
from appealbus.plugins.report.words import By, Column, Formula, Label

view = View("report", "Figures", place=35, path="/report", needs=Action.REPORT)

_PLACE = re.compile(r"[0-9]{0,9}")


@view.get("/report", may=Action.REPORT)
async def report(page: Page) -> Response:
    """Show it: a row for each body, district, category or month, and below what each column counts."""
    ask = _ask(page)
    wanted = Wanted(ask, Form.JSON, page.words.language, rounds=False)
    table = orjson.loads(await made(page.console.api, wanted))
    await _note(page, ask)
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
        csv=urlencode(_query(ask)),
    )


@view.get("/report/table.csv", may=Action.REPORT)
async def table(page: Page) -> Response:
    """Give the same to a spreadsheet."""
    ask = _ask(page)
    body = await made(page.console.api, Wanted(ask, Form.CSV, page.words.language, rounds=False))
    await _note(page, ask)
    name = f"report-{ask.span.since}-{ask.span.until}-{ask.by}.csv"
    return Response(body, media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'})


async def _note(page: Page, ask: Ask) -> None:
    if not ask.public:
        await page.looks("report")


def _ask(page: Page) -> Ask:
    place = page.query.get("place", "")
    if not _PLACE.fullmatch(place):
        raise Refused(400, page.words.say("Write the beginning of a КАТО, in digits."))
    try:
        by = By(page.query.get("by") or By.BODY)
        days = _day(page, "since"), _day(page, "until")
    except ValueError:
        raise Refused(400, page.words.say("Write days as 2026-01-31.")) from None
    public = page.query.get("public") == "1"
    return ask_of(page.session.client, page.viewer, days, by, place, public=public)


def _day(page: Page, name: str) -> date | None:
    said = page.query.get(name)
    return date.fromisoformat(said) if said else None


def _query(ask: Ask) -> dict[str, str]:
    said = {"since": str(ask.span.since), "until": str(ask.span.until), "by": ask.by.value, "place": ask.span.place}
    return {name: value for name, value in said.items() if value} | ({"public": "1"} if ask.public else {})
