"""Warnings on accepted appeals, from the newest ones, masked for the person."""

from collections import Counter, defaultdict
from typing import Any

from starlette.responses import Response

from appealbus.core import AppealRow
from appealbus.core.management import health
from appealbus.core.management.viewing import Action, of_each, warnings
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.quarantine.queries import check, view

_KINDS, _NAMED = 100, 3
"""Maximum number of kinds of warnings shown, the most frequent first, and appeals named for each."""


@view.get("/quarantine/warned", may=Action.OPERATE)
async def warned(page: Page) -> Response:
    check(page)
    mask, channel = page.viewer.mask.for_a_version(), page.query.get("channel")
    if mask.hidden(("appeal", ("channel",))):
        raise page.forbidden
    of: Counter[str] = Counter()
    kinds: defaultdict[tuple[str, str, str, str], list[AppealRow]] = defaultdict(list)
    for row, found in await page.journal.ask(health.newest_with_warnings):
        if channel in (None, "", row.channel):
            of[row.channel] += 1
            shown: dict[str, Any] = {"warnings": found}
            warnings(mask, shown, {"warnings": found})
            told = shown.get("warnings", ())
            for each in {(of_each(one["field"]), one["code"], one.get("message", "")) for one in told}:
                kinds[row.channel, *each].append(row)
    await page.looks("appeals", found=of.total())
    most = sorted(kinds.items(), key=lambda one: (-len(one[1]), one[0]))[:_KINDS]
    rows = [
        (kind, len(those), of[kind[0]], [(each.public_id, page.viewer.row(each)) for each in those[:_NAMED]])
        for kind, those in most
    ]
    return page.show("quarantine/warned.html", channel=channel, rows=rows, outcome=None, reasons={})
