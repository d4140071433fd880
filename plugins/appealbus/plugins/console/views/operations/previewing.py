"""Preview of an operation: number of rows, examples and their hash."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from appealbus.core.management import operations
from appealbus.core.management.operations import Frozen
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.operations.carrying import Carrying
from appealbus.plugins.console.views.operations.choosing import Chosen, chosen_by
from appealbus.plugins.console.views.operations.queries import DOES, selected_by, sight_of, view

_PATIENCE = 30.0
"""Seconds to wait while others make a selection."""


@view.get("/operations/preview", may=Action.OPERATE)
async def preview(page: Page) -> Response:
    chosen = chosen_by(page, page.request.query_params.multi_items())
    return await shown(page, chosen, await frozen(page, chosen))


async def frozen(page: Page, chosen: Chosen) -> Frozen:
    """Freeze the current selection within the person's scopes; raise Refused if it is too large, or the wait too
    long."""
    viewer, words = page.viewer, page.words
    within = viewer.covers if viewer.scoped else None
    try:
        async with asyncio.timeout(_PATIENCE), Carrying.of(page).looking.place():
            found = await operations.freeze(page.journal, chosen.order, chosen.selection, within)
    except TimeoutError:
        raise Refused(503, words.say("The server cannot do this now; try again soon.")) from None
    except operations.TooMany:
        text = words.say("More than {n} rows are selected: choose fewer.", n=words.number(operations.TooMany.most))
        raise Refused(422, text) from None
    if chosen.purpose:
        await page.looks(chosen.order.operation.value, purpose=chosen.purpose, found=len(found.ids))
    return found


async def shown(page: Page, chosen: Chosen, found: Frozen, status: int = 200, *, reason: str | None = None) -> Response:
    """Render the preview; `reason` keeps the input if the selection changed before the confirmation."""
    preview = await operations.preview(page.journal, found)
    appeals = [(row.public_id, await page.views.row(row)) for row in preview.appeals if page.viewer.sees(row)]
    given: dict[str, Any] = {
        "does": DOES[chosen.order.operation],
        "chosen": chosen,
        "frozen": found,
        "hash": found.hash,
        "newest": preview.newest,
        "appeals": appeals,
        "deliveries": preview.deliveries,
        "number_of": lambda row: page.viewer.mask.number(row.number),
        "under_way": [sight_of(page, row) for row in preview.under_way],
        "list_query": urlencode([each for each in parse_qsl(chosen.query) if each[0] != "do"]),
        "told": list(selected_by(page.words, found.selected_by)),
        "changed": reason is not None,
        "reason": reason or "",
        "does_of": DOES,
    }
    return page.show("operations/preview.html", status, **given)
