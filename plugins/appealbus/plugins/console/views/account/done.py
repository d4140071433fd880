"""Actions of people from the log: who, what, subject and reason."""

from starlette.responses import Response

from appealbus.core import What
from appealbus.core.management import people
from appealbus.core.management.people import Deeds
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.account.queries import PAGE, actor_of, check, frame, sees_deeds, span_of, view
from appealbus.plugins.console.views.account.rows import rows
from appealbus.plugins.console.views.appeal.log_lines import kind_said

_KINDS = (
    *(What.RETRIED, What.REFRESHED, What.REREAD, What.RETRACTED, What.HELD, What.RELEASED, What.RESENT, What.SKIPPED),
    *(What.HANDED_LATER, What.ORDERED, What.CARRIED_OUT, What.STOPPED, What.WENT_ON, What.PAUSED, What.RESUMED),
    *(What.REPLAYED, What.CLOSED, What.VIEW_KEPT, What.VIEW_DROPPED, What.ALARM_TAKEN, What.ALARM_CLOSED),
    *(What.CLIENT_ADDED, What.CLIENT_ROTATED, What.CLIENT_REVOKED, What.CLOCK_TRUSTED, What.ASSESSED),
)
"""Log entries that people cause."""


@view.get("/account/done")
async def done(page: Page) -> Response:
    check(page, sees_deeds(page))
    what, number, appeal = page.query.get("what") or None, page.query.get("number", "").strip(), None
    if what is not None and what not in _KINDS:
        raise page.nowhere
    if number:
        row = await page.appeal_with(number[:300])
        if row is None:
            raise page.no_appeal
        appeal = row.appeal_id
    since, until = span_of(page)
    wanted = Deeds(actor=actor_of(page), what=what, appeal_id=appeal, since=since, until=until)
    found = await page.journal.ask(people.deeds, wanted, page.number("before"), PAGE)
    return frame(
        page,
        "account/done.html",
        rows=await rows(page, found.entries),
        kinds=sorted(((kind.value, kind_said(kind, page.words)) for kind in _KINDS), key=lambda each: each[1]),
        pages=page.pages(found.next, "before"),
    )
