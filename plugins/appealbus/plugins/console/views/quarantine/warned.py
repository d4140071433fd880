"""What channels send wrong and was taken all the same: warnings of the newest appeals, under the person's mask."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from appealbus.core.domain.listing import AppealRow
from appealbus.core.rights.actions import Action
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.notes import warnings
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.quarantine.sight import check, view

_KINDS = 100
"""Kinds of warnings that are shown, those with most appeals: a page has room for them."""
_NAMED = 3
_PLACE = re.compile(r"\[\d+\]")


@view.get("/quarantine/warned", may=Action.OPERATE)
async def warned(page: Page) -> Response:
    """Show of the newest appeals, of one channel or of all, how many have which warning of which field."""
    check(page)
    mask = page.viewer.mask.for_a_version()
    if mask.hidden(("appeal", ("channel",))):
        raise page.forbidden
    of: Counter[str] = Counter()
    kinds: defaultdict[tuple[str, str, str, str], list[AppealRow]] = defaultdict(list)
    for row, found in await page.journal.newest_with_warnings(page.query.get("channel") or None):
        of[row.channel] += 1
        for each in {_kind(each) for each in _shown(mask, found)}:
            kinds[row.channel, *each].append(row)
    await page.looks("appeals", found=of.total())
    most = sorted(kinds.items(), key=lambda one: (-len(one[1]), one[0]))[:_KINDS]
    rows = [
        (kind, len(those), of[kind[0]], [(each.public_id, page.viewer.row(each)) for each in those[:_NAMED]])
        for kind, those in most
    ]
    return page.show("quarantine/warned.html", channel=page.query.get("channel"), rows=rows, outcome=None, reasons={})


def _kind(warning: Any) -> tuple[str, str, str]:
    return _PLACE.sub("[*]", warning["field"]), warning["code"], warning.get("message", "")


def _shown(mask: Mask, found: Sequence[Any]) -> Sequence[Any]:
    shown: dict[str, Any] = {"warnings": found}
    warnings(mask, shown, {"warnings": found})
    told: Sequence[Any] = shown.get("warnings", ())
    return told
