"""Actions on one appeal: each needs a reason and is logged."""

from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.core.management import appeals
from appealbus.core.management import records as journal_records
from appealbus.core.management.operations import ItemResult
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.queries import shown, sight_of, view
from appealbus.plugins.console.views.deliveries.actions import decide


@view.post("/appeals/{id}/retry", may=Action.OPERATE)
async def retry(page: Page) -> Response:
    return await _asked(page, refresh=False)


@view.post("/appeals/{id}/refresh", may=Action.OPERATE)
async def refresh(page: Page) -> Response:
    return await _asked(page, refresh=True)


async def _asked(page: Page, *, refresh: bool) -> Response:
    row, reason = await page.appeal(), page.form.reason(page.words)
    try:
        count = await page.journal.do(appeals.Retry(row.number, refresh=refresh, reason=reason))
    except JournalError as error:
        raise refused(page, error) from None
    return page.go(f"/appeals/{row.public_id}", {"done": "refresh" if refresh else "retry", "n": str(count or 0)})


@view.post("/appeals/{id}/hold", may=Action.OPERATE)
async def hold(page: Page) -> Response:
    """Stop all work on the appeal until it is released."""
    row, reason = await page.appeal(), page.form.reason(page.words)
    try:
        await appeals.hold(page.journal, row.number, reason=reason, by=page.session.client.name)
    except JournalError as error:
        if error.code == "held":
            text = page.words.say("Somebody has held it already: that stands, and nothing is changed.")
            raise Refused(409, text) from None
        raise refused(page, error) from None
    return page.go(f"/appeals/{row.public_id}", {"done": "hold"})


@view.post("/appeals/{id}/release", may=Action.OPERATE)
async def release(page: Page) -> Response:
    row, reason = await page.appeal(), page.form.reason(page.words)
    try:
        await appeals.release(page.journal, row.number, reason=reason, by=page.session.client.name)
    except JournalError as error:
        raise refused(page, error) from None
    return page.go(f"/appeals/{row.public_id}", {"done": "release"})


@view.get("/appeals/{id}/withdraw", may=Action.OPERATE)
async def choose(page: Page) -> Response:
    sight = await sight_of(page)
    there = await journal_records.records(page.journal, sight.row.number)
    records = [
        (
            journal_records.mark(sight.row.number, each),
            f"{page.words.lookup(each.lookup)}, {page.words.moment(each.ended_at)}",
        )
        for each in there
        if page.viewer.mask.shows_lookup(each.lookup)
    ]
    return await shown(page, sight, "appeal/withdraw.html", records=records)


@view.post("/appeals/{id}/withdraw", may=Action.OPERATE)
async def withdraw(page: Page) -> Response:
    row, reason = await page.appeal(), page.form.reason(page.words)
    there = await journal_records.records(page.journal, row.number)
    meant = [each for each in there if journal_records.mark(row.number, each) == page.form["record"]]
    done = False
    try:
        for each in meant:
            by = page.session.client.name
            done = await journal_records.withdraw(page.journal, row.number, each, reason=reason, by=by)
    except JournalError as error:
        raise refused(page, error) from None
    return page.go(f"/appeals/{row.public_id}", {"done": "withdraw" if done else "nothing"})


@view.post("/appeals/{id}/resend", may=Action.OPERATE)
async def resend(page: Page) -> Response:
    row = await page.appeal()
    _, verdict = await decide(page, lambda found: found.appeal.appeal_id == row.appeal_id, again=True)
    return page.go(f"/appeals/{row.public_id}", {"done": "resend" if verdict is ItemResult.DONE else "nothing"})


def refused(page: Page, error: JournalError) -> Refused:
    """Return the refusal for an order that is impossible now; re-raise any other error."""
    words = page.words
    match error.code:
        case "in_work":
            return Refused(409, words.say("A worker has it right now, and nothing is changed: try again in a moment."))
        case "held":
            return Refused(409, words.say("It is held, and nothing is changed: release it first."))
        case "not_held":
            return Refused(409, words.say("It is not held: somebody has released it."))
        case _:
            raise error
