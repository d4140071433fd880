"""Decisions on messages: they need a reason, apply only to the state shown, and are logged."""

import structlog
from starlette.responses import Response

from appealbus.core.clocks import monotonic
from appealbus.core.management import quarantine
from appealbus.core.management.quarantine import Retaking, retake
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.quarantine.attempting import given_id, mark_of, trier, turn, waits
from appealbus.plugins.console.views.quarantine.listing import PAGE
from appealbus.plugins.console.views.quarantine.queries import check, key_of, view

log = structlog.get_logger(__name__)

_PATIENCE = 20.0
"""Seconds after which no further message is taken; the page reports how many are left."""


@view.post("/quarantine/take", may=Action.OPERATE)
async def take(page: Page) -> Response:
    """Take the messages shown, each only if it is unchanged."""
    check(page)
    reason, wanted = page.form.reason(page.words), _wanted(page)
    token = page.form["as"] if len(wanted) == 1 else ""
    message_id = given_id(page, wanted[0][0], token)
    anyway = bool(page.form["anyway"]) and len(wanted) == 1
    first, order = Retaking(message_id, anyway, dry_run=True), Retaking(message_id, anyway, reason)
    taken, ends = 0, monotonic() + _PATIENCE
    async with trier(page) as reception:
        for key, mark in wanted:
            if monotonic() > ends:
                break
            row = await page.journal.ask(quarantine.quarantine_row, key)
            if row is None or row.replayed_at is not None or not (waits(row) or anyway):
                continue
            tried = await retake(reception, row, first)
            if tried.taken and mark_of(tried, first) == mark:
                taken += (await retake(reception, row, order)).taken
    log.warning("quarantine.replayed_by_hand", count=taken, actor=page.session.client.name)
    return _back(page, "take", taken, len(wanted))


@view.post("/quarantine/close", may=Action.OPERATE)
async def close(page: Page) -> Response:
    check(page)
    reason, wanted = page.form.reason(page.words), _wanted(page)
    by, closed = page.session.client.name, 0
    async with turn(page):  # what somebody takes right now is not closed meanwhile
        for key, _ in wanted:
            closed += await page.journal.do(quarantine.Closing(key, by=by, reason=reason))
    log.warning("quarantine.closed_by_hand", count=closed, actor=by)
    return _back(page, "close", closed, len(wanted))


def _wanted(page: Page) -> list[tuple[int, str]]:
    parts = [each.partition(":") for each in page.form["messages"].split(",", PAGE)]
    found = {key_of(page, key): mark for key, _, mark in parts}
    if not found or len(parts) > PAGE:
        raise Refused(400, page.words.say("This is no form."))
    return list(found.items())


def _back(page: Page, done: str, count: int, wanted: int) -> Response:
    told = {"done": done, "n": str(count), "left": str(wanted - count)}
    if page.form["one"] and wanted == 1:
        return page.go(f"/quarantine/{_wanted(page)[0][0]}", told)
    group = {name: page.form[name] for name in ("code", "channel") if page.form[name]}
    return page.go("/quarantine", {**group, **told})
