"""Trial of messages: what taking them again would do; changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from appealbus.core.clocks import monotonic
from appealbus.core.management import quarantine
from appealbus.core.management.quarantine import Retaking, Tried, retake
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.details import Detail
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.quarantine.attempting import given_id, mark_of, trier, waits
from appealbus.plugins.console.views.quarantine.listing import PAGE, query_of
from appealbus.plugins.console.views.quarantine.queries import (
    REASONS,
    MessageView,
    check,
    key_of,
    path_of,
    row_of,
    seen,
    told,
    view,
)

_PATIENCE = 5.0
"""Seconds after which no further message of a group is tried, as a person waits for the page."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """Result of a trial for display: `word` is new, again, or refused."""

    it: MessageView
    word: str
    number: str
    path: str
    code: str
    problem: Sequence[Detail]


@view.get("/quarantine/try", may=Action.OPERATE)
async def try_group(page: Page) -> Response:
    check(page)
    code, channel = page.query.get("code", ""), page.query.get("channel") or None
    after = key_of(page, page.query.get("after") or "0")
    listed = await page.journal.ask(quarantine.quarantined, after, PAGE, code=code, channel=channel)
    tried: list[Tried] = []
    ends = monotonic() + _PATIENCE
    async with trier(page) as reception:
        for each in listed:
            if tried and monotonic() > ends:
                break
            whole = await page.journal.ask(quarantine.quarantine_row, each.id)
            if whole is not None and waits(whole):
                tried.append(await retake(reception, whole, Retaking(dry_run=True)))
    last = listed[-1].id if listed else 0
    reached = tried[-1].row.id if tried else last
    more = query_of(code, channel, after=str(reached)) if reached != last or len(listed) == PAGE else ""
    return await _shown(page, tried, Retaking(), back=f"/quarantine?{query_of(code, channel)}", more=more)


@view.get("/quarantine/{id:id}/try", may=Action.OPERATE)
async def try_one(page: Page) -> Response:
    check(page)
    row = await row_of(page)
    how = Retaking(given_id(page, row.id, page.query.get("as", "")), bool(page.query.get("anyway")))
    if row.replayed_at is not None:
        raise Refused(409, page.words.say("It was taken already."))
    if row.closed_at is not None and not how.anyway:
        raise Refused(409, page.words.say("It was closed: it can be taken from its own page all the same."))
    async with trier(page) as reception:
        tried = await retake(reception, row, Retaking(how.message_id, how.anyway, dry_run=True))
    return await _shown(page, [tried], how, back=f"/quarantine/{row.id}", single=True)


@view.post("/quarantine/{id:id}/under", may=Action.OPERATE)
async def under(page: Page) -> Response:
    """Try a message under another id; the URL has the id encrypted."""
    check(page)
    row, message_id = await row_of(page), page.form["message_id"]
    if not (0 < len(message_id) <= 200 and message_id.isprintable()):
        raise Refused(422, page.words.say("Write an id of 1 to 200 characters, which no other message has."))
    return page.go(f"/quarantine/{row.id}/try", {"as": page.seal(f"id of {row.id}", {"id": message_id})})


async def _shown(
    page: Page, tried: Sequence[Tried], how: Retaking, *, back: str, more: str = "", single: bool = False
) -> Response:
    rows = await seen(page, [each.row for each in tried])
    verdicts = [await _verdict(page, each, row) for each, row in zip(tried, rows, strict=True)]
    taken = [f"{each.row.id}:{mark_of(each, how)}" for each in tried if each.taken]
    refused = [str(each.row.id) for each in tried if not each.taken and waits(each.row)]
    return page.show(
        "quarantine/try.html",
        verdicts=verdicts,
        taken=taken,
        refused=refused,
        how=how,
        outcome=None,
        token=page.query.get("as", ""),
        back=back,
        more=more,
        reasons=REASONS,
        single=verdicts[0] if single else None,
    )


async def _verdict(page: Page, tried: Tried, it: MessageView) -> TrialResult:
    word = "refused" if not tried.taken else "new" if tried.number is None else "again"
    path = await path_of(page, tried.number) if tried.number else ""
    return TrialResult(it, word, page.viewer.mask.number(tried.number), path, tried.code, told(page, tried.problem))
