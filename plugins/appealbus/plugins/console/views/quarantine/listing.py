"""Messages in quarantine, grouped by reason or in pages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core.management import quarantine as journal_quarantine
from appealbus.core.management.quarantine import QuarantineRow
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.quarantine.queries import REASONS, check, key_of, outcome_of, seen, view

PAGE = 50
STATES = ("waiting", "replayed", "closed", "all")
_LONGEST = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@view.get("/quarantine", may=Action.OPERATE)
async def quarantine(page: Page) -> Response:
    """Show waiting messages by reason, or one page of a reason or a state."""
    check(page)
    state, channel = page.query.get("state", "waiting"), page.query.get("channel") or None
    if state not in STATES or len(channel or "") > _LONGEST or len(page.query.get("code", "")) > _LONGEST:
        raise page.nowhere
    code = page.query["code"] if state == "waiting" and "code" in page.query else None
    if state == "waiting" and code is None:
        groups = await page.journal.ask(journal_quarantine.quarantine_groups, channel)
        return page.show(
            "quarantine/groups.html",
            state=state,
            channel=channel,
            outcome=outcome_of(page),
            reasons=REASONS,
            groups=[(group, query_of(group.code, channel)) for group in groups],
        )
    rows = await _rows(page, state, code, channel)
    kept = {name: page.query[name] for name in ("state", "code", "channel") if name in page.query}
    return page.show(
        "quarantine/list.html",
        state=state,
        channel=channel,
        code=code,
        outcome=outcome_of(page),
        reasons=REASONS,
        rows=await seen(page, rows),
        pages=page.pages(_key(state, rows[-1]) if len(rows) == PAGE else None, kept=kept),
        try_query="" if code is None else query_of(code, channel, after=page.query.get("after", "")),
    )


def query_of(code: str, channel: str | None, **more: str) -> str:
    given = {"code": code, "channel": channel or "", **more}
    return urlencode({name: value for name, value in given.items() if value or name == "code"})


async def _rows(page: Page, state: str, code: str | None, channel: str | None) -> Sequence[QuarantineRow]:
    after = page.query.get("after", "")
    if state in ("replayed", "closed"):
        at, _, key = after.partition(".")
        before = (_moment(page, at), key_of(page, key)) if after else None
        return await page.journal.ask(journal_quarantine.quarantine_left, PAGE, before, closed=state == "closed")
    more = state == "all"
    return await page.journal.ask(
        journal_quarantine.quarantined,
        key_of(page, after or "0"),
        PAGE,
        include_replayed=more,
        include_closed=more,
        code=code,
        channel=channel,
    )


def _key(state: str, row: QuarantineRow) -> str:
    left = row.replayed_at if state == "replayed" else row.closed_at if state == "closed" else None
    return str(row.id) if left is None else f"{(left - _EPOCH) // timedelta(microseconds=1)}.{row.id}"


def _moment(page: Page, text: str) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=key_of(page, text))
    except OverflowError:
        raise page.nowhere from None
