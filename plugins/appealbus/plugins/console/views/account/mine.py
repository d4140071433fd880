"""The person's own rights, sessions and accesses of today."""

import asyncio

from starlette.responses import Response

from appealbus.core.management import people
from appealbus.core.management.log import by_person
from appealbus.core.management.people import AuditFilter
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.sessions import SESSION
from appealbus.plugins.console.views.account.policy import counting
from appealbus.plugins.console.views.account.queries import PAGE, frame, moment, view
from appealbus.plugins.console.views.account.rows import rows

_SESSIONS = 50
"""Maximum number of sessions shown, newest first."""


@view.get("/account/mine")
async def mine(page: Page) -> Response:
    me, today = page.session.client, page.today
    wanted = AuditFilter(looks=True, actor=by_person(me.name), since=moment(today))
    found = await page.journal.ask(people.deeds, wanted, page.number("before"), PAGE)
    its = await page.journal.ask(people.credentials_of, me.name)
    return frame(
        page,
        "account/mine.html",
        sessions=sorted(counting(page, its, SESSION), key=lambda each: each.created_at, reverse=True),
        most=_SESSIONS,
        rows=await rows(page, found.entries, own=True),
        pages=page.pages(found.next, "before"),
    )


@view.post("/account/sign-out", may=None)
async def sign_out(page: Page) -> Response:
    me, this = page.session.client, page.session.credential.id
    others = [
        each.id
        for each in counting(page, await page.journal.ask(people.credentials_of, me.name), SESSION)
        if each.id != this
    ]
    # Together: each alone waits for the disk, and somebody may have thousands.
    await asyncio.gather(*(page.journal.do(people.Revoking(me.name, other)) for other in others))
    return page.go("/account/mine", {"done": "1"})
