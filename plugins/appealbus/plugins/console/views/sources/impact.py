"""Effect of a source's outage on due dates, before or during a pause."""

from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core import AppealRow
from appealbus.core.management.appeals import ListPosition
from appealbus.core.management.outages import missing, outage
from appealbus.core.management.sources import LONGEST, SourceStanding
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import moment_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.sources.pages import morning
from appealbus.plugins.console.views.sources.queries import source_of, view

_PAGE = 50


@view.get("/sources/{name}/impact", may=Action.OPERATE)
async def impact(page: Page) -> Response:
    """Show the appeals that would miss their due dates, with the form for a pause."""
    source = await source_of(page)
    if not page.viewer.sees_due_dates:
        raise Refused(403, page.words.say("Your mask hides when appeals are due."))
    if source.asked is None:
        raise Refused(409, page.words.say("The configuration has no such source any more: nobody asks it."))
    written = page.query.get("until")
    until = moment(page, morning(page, page.journal.now()) if written is None else written)
    found = await outage(page.journal, source.asked, until)
    try:
        rows = await missing(page.journal, source.asked, found, page.after(), _PAGE)
    except (ValueError, OverflowError):
        raise page.lost from None
    written_until = f"{until:%Y-%m-%dT%H:%M}"
    return page.show(
        "sources/impact.html",
        source=source,
        found=found,
        until=written_until,
        rows=[(row.public_id, await page.views.row(row)) for row in rows if page.viewer.sees(row)],
        pages=page.pages(_place(rows[-1]) if len(rows) == _PAGE else None, kept={"until": written_until}),
        to_appeals=lambda from_, before: _appeals(source, from_, before),
        one_day=timedelta(days=1),
    )


def _place(row: AppealRow) -> ListPosition:
    return ListPosition(row.appeal_id, None if row.due_on is None else row.due_on.toordinal())


def _appeals(source: SourceStanding, from_: date, before: date) -> str:
    return "/console/appeals?" + urlencode({"source": source.name, "due_from": from_, "due_before": before})


def moment(page: Page, written: str) -> datetime:
    """Parse the end of a pause in local time; raise Refused if it is invalid, past, or too far away."""
    now, meant = page.journal.now(), moment_of(written, page.words)
    if meant <= now:
        raise Refused(400, page.words.say("That time is over already."))
    if meant > now + LONGEST:
        raise Refused(400, page.words.say("That is more than {n} days from now; choose a nearer time.", n=LONGEST.days))
    return meant


async def configured(page: Page) -> str:
    """Return the source in the path; raise Refused if it is not configured."""
    name: str = page.request.path_params["name"]
    if name not in await page.console.sources():
        raise Refused(404, page.words.say("There is no such source."))
    return name
