"""One message: reason, position of the problem, and history."""

import asyncio

from starlette.responses import Response

from appealbus.core.management import quarantine
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.log_lines import line
from appealbus.plugins.console.views.quarantine.queries import REASONS, check, outcome_of, path_of, row_of, seen, view
from appealbus.plugins.console.views.quarantine.showing import shown


@view.get("/quarantine/{id:id}", may=Action.OPERATE)
async def message(page: Page) -> Response:
    """Show one message; its values only for a purpose."""
    check(page)
    row = await row_of(page)
    purpose = page.purpose(f"/quarantine/{row.id}") if page.viewer.mask.plain else ""
    if purpose:
        await page.looks("quarantine", purpose=purpose, id=row.id)
    (it,) = await seen(page, [row])
    links = {number: await path_of(page, number) for number in {row.number or "", it.came} if number}
    return page.show(
        "quarantine/message.html",
        it=it,
        size=len(row.raw),
        media_type=row.media_type,
        left=(row.replayed_at, row.closed_at),
        part=await asyncio.to_thread(shown, row, values=bool(purpose)),
        purpose=purpose,
        links=links,
        outcome=outcome_of(page),
        reasons=REASONS,
        lines=[(line(each, page.words), each.detail) for each in await page.journal.ask(quarantine.of_quarantine, row)],
    )


@view.post("/quarantine/{id:id}/unmask", may=Action.OPERATE)
async def unmask(page: Page) -> Response:
    check(page)
    if not page.viewer.mask.plain:
        raise Refused(403, page.words.say("Your mask hides what messages say."))
    row = await row_of(page)
    path = f"/quarantine/{row.id}"
    return page.go(path, {"seen": page.seal_purpose(path)})
