"""The list of receivers, and the page of one: waiting, refused and confirmed deliveries."""

from datetime import timedelta
from functools import partial

from starlette.responses import Response

from appealbus.core.management import deliveries as journal_deliveries
from appealbus.core.management import feed
from appealbus.core.management.deliveries import DeliveryState, handover_spans
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.forms import number_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.deliveries.queries import (
    DeliveryView,
    all_sights,
    receiver_path,
    seen,
    sight_of,
    view,
)
from appealbus.plugins.console.views.deliveries.refusals import why

_PAGE = 30
_RECEIVERS = 100
_CODES = 50
"""Maximum number of codes shown: one screen."""
_LISTS = {"waiting": DeliveryState.WAITING, "refused": DeliveryState.ALONE, "confirmed": DeliveryState.DELIVERED}


@view.get("/deliveries", may=Action.OPERATE)
async def deliveries(page: Page) -> Response:
    readers = await page.journal.ask(feed.readers) if page.viewer.may(Action.READERS) else None
    sights, pages = page.part(await all_sights(page), _RECEIVERS)
    return page.show(
        "deliveries/list.html",
        sights=sights,
        pages=pages,
        readers=readers and sorted(readers, key=lambda each: (-each.lag, each.client)),
        receiver_path=receiver_path,
        why=partial(why, page.words),
    )


@view.get("/deliveries/{name}", may=Action.OPERATE)
async def receiver(page: Page) -> Response:
    sight, journal, now = await sight_of(page), page.journal, page.journal.now()
    shown = page.query.get("show", "") or ("refused" if sight.state.refused else "waiting")
    try:
        found = await journal.deliveries_to(sight.name, _LISTS[shown], page.after(), _PAGE)
    except (KeyError, ValueError, OverflowError):
        raise page.lost from None
    past = await journal.ask(journal_deliveries.past_handovers, sight.name)
    step, series = handover_spans(past.attempts, now)
    return page.show(
        "deliveries/receiver.html",
        sight=sight,
        receiver_path=receiver_path,
        heads=[
            (head, await seen(page, await journal.ask(journal_deliveries.of_appeal, head.id))) for head in sight.heads
        ],
        decided=await _decided(page, sight.name),
        shown=shown,
        rows=[one for each, _ in found if (one := await seen(page, each))],
        pages=page.pages(found[-1][1] if len(found) == _PAGE else None, kept={"show": shown}),
        past=past,
        step=step,
        series=series,
        names=[page.words.moment(each.begins, seconds=False) for each in series],
        slow=[each.quantile(0.95) or 0 for each in series],
        errors=past.errors()[:_CODES],
        why=partial(why, page.words),
        within=lambda each, part: page.words.lasted(timedelta(seconds=each.quantile(part))) if each.waited else "–",
    )


async def _decided(page: Page, receiver: str) -> DeliveryView | None:
    """Return the delivery that the person has just decided on, in its new state."""
    number = number_of(page.query.get("id", ""))
    if page.query.get("done") not in ("skip", "resend") or number is None:
        return None
    found = await page.journal.ask(journal_deliveries.of_appeal, number)
    return await seen(page, found if found and found.delivery.receiver == receiver else None)
