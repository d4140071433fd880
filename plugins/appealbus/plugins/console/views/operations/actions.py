"""Starts, stops and continues operations; each order is logged."""

import structlog
from starlette.responses import Response

from appealbus.core.management import operations
from appealbus.core.management.log import by_person
from appealbus.core.management.operations import OperationRow
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import number_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.operations.carrying import Carrying
from appealbus.plugins.console.views.operations.choosing import Chosen, chosen_by
from appealbus.plugins.console.views.operations.pages import row_of
from appealbus.plugins.console.views.operations.previewing import frozen, shown
from appealbus.plugins.console.views.operations.queries import view

log = structlog.get_logger(__name__)


@view.post("/operations", may=Action.OPERATE)
async def begin(page: Page) -> Response:
    """Start the operation on exactly the rows previewed; a second confirmation redirects to the running one."""
    chosen, newest = _confirmed(page)
    reason, confirmed = page.form.reason(page.words), page.form["hash"]
    begun = await operations.begun(page.journal, confirmed, newest)
    if begun is not None:
        return page.go(f"/operations/{begun.id}")
    _check_room(page)
    found = await frozen(page, chosen)
    if not found.ids:
        return await shown(page, chosen, found, 409, reason=reason)
    try:
        progress = await operations.begin(
            page.journal, found, confirmed, reason=reason, purpose=chosen.purpose, newest=newest
        )
    except operations.SelectionChanged:
        return await shown(page, chosen, found, 409, reason=reason)
    name = page.session.client.name
    log.warning("operation.begun", operation=progress.operation.value, count=progress.total, actor=name)
    if not progress.finished:
        Carrying.of(page).begin(page.journal, progress.hash, progress.operation)
    return page.go(f"/operations/{progress.id}")


@view.post("/operations/{number:id}/stop", may=Action.OPERATE)
async def stop(page: Page) -> Response:
    row, reason = await _own(page), page.form.reason(page.words)
    if not await page.journal.do(operations.Switch(row.hash, reason=reason, go_on=False)):
        raise Refused(409, page.words.say("It is not under way: it has ended, or somebody has stopped it."))
    return page.go(f"/operations/{row.id}")


@view.post("/operations/{number:id}/go-on", may=Action.OPERATE)
async def go_on(page: Page) -> Response:
    row, reason = await _own(page), page.form.reason(page.words)
    if row.ended_at is not None:
        raise Refused(409, page.words.say("It has ended: nothing of it is left."))
    _check_room(page)
    await page.journal.do(operations.Switch(row.hash, reason=reason, go_on=True))
    Carrying.of(page).begin(page.journal, row.hash, row.operation)
    return page.go(f"/operations/{row.id}")


def _confirmed(page: Page) -> tuple[Chosen, int]:
    said, newest = page.form.query("said", page.words), number_of(page.form["newest"])
    if newest is None:
        raise Refused(400, page.words.say("The form was not taken; send it again."))
    return chosen_by(page, said), newest


async def _own(page: Page) -> OperationRow:
    """Return the operation in the path; a person with limited scopes may only change their own."""
    row = await row_of(page)
    if page.viewer.scoped and row.by != by_person(page.session.client.name):
        raise page.forbidden
    return row


def _check_room(page: Page) -> None:
    if Carrying.of(page).full:
        raise Refused(503, page.words.say("The server carries out as many operations as it can: wait for one to end."))
