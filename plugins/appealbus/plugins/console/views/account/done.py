"""Actions of people from the log: who, what, subject and reason."""

from starlette.responses import Response

from appealbus.core import EventType
from appealbus.core.management import people
from appealbus.core.management.people import AuditFilter
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.account.queries import PAGE, actor_of, check, frame, sees_deeds, span_of, view
from appealbus.plugins.console.views.account.rows import rows
from appealbus.plugins.console.views.appeal.log_lines import kind_said

_KINDS = (
    *(
        EventType.RETRIED,
        EventType.REFRESHED,
        EventType.REREAD,
        EventType.RETRACTED,
        EventType.HELD,
        EventType.RELEASED,
        EventType.RESENT,
        EventType.SKIPPED,
    ),
    *(
        EventType.HANDED_LATER,
        EventType.ORDERED,
        EventType.CARRIED_OUT,
        EventType.STOPPED,
        EventType.WENT_ON,
        EventType.PAUSED,
        EventType.RESUMED,
    ),
    *(
        EventType.REPLAYED,
        EventType.CLOSED,
        EventType.VIEW_KEPT,
        EventType.VIEW_DROPPED,
        EventType.ALARM_TAKEN,
        EventType.ALARM_CLOSED,
    ),
    *(
        EventType.CLIENT_ADDED,
        EventType.CLIENT_ROTATED,
        EventType.CLIENT_REVOKED,
        EventType.CLOCK_TRUSTED,
        EventType.ASSESSED,
    ),
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
    wanted = AuditFilter(actor=actor_of(page), what=what, appeal_id=appeal, since=since, until=until)
    found = await page.journal.ask(people.deeds, wanted, page.number("before"), PAGE)
    return frame(
        page,
        "account/done.html",
        rows=await rows(page, found.entries),
        kinds=sorted(((kind.value, kind_said(kind, page.words)) for kind in _KINDS), key=lambda each: each[1]),
        pages=page.pages(found.next, "before"),
    )
