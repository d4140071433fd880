"""The person's own rights, sessions and accesses of today."""

import asyncio

from starlette.responses import Response

from appealbus.core.domain.access import Deeds
from appealbus.core.domain.event import by_person
from appealbus.core.journal import access, clients
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
    wanted = Deeds(looks=True, actor=by_person(me.name), since=moment(today))
    found = await page.journal.ask(access.deeds, wanted, page.number("before"), PAGE)
    its = await page.journal.ask(clients.credentials_of, me.name)
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
        for each in counting(page, await page.journal.ask(clients.credentials_of, me.name), SESSION)
        if each.id != this
    ]
    # Together: each alone waits for the disk, and somebody may have thousands.
    await asyncio.gather(*(page.journal.do(clients.Revoking(me.name, other)) for other in others))
    return page.go("/account/mine", {"done": "1"})
