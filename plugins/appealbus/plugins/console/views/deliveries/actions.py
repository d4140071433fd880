"""Skips or resends one version; applies only to the delivery that was shown."""

from collections.abc import Callable

from starlette.responses import Response

from appealbus.core.management import deliveries
from appealbus.core.management.deliveries import DeliveryOfAppeal, ShownVersion
from appealbus.core.management.operations import ItemResult
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.deliveries.queries import receiver_path, seen, view


@view.post("/deliveries/{name}/skip", may=Action.OPERATE)
async def skip(page: Page) -> Response:
    """Skip a version: it stays on record, but is not delivered."""
    return await _decide(page, again=False)


@view.post("/deliveries/{name}/resend", may=Action.OPERATE)
async def resend(page: Page) -> Response:
    return await _decide(page, again=True)


async def _decide(page: Page, *, again: bool) -> Response:
    name = page.request.path_params["name"]
    shown, verdict = await decide(page, lambda found: found.delivery.receiver == name, again=again)
    done = {"done": "resend" if again else "skip", "id": str(shown.id), "verdict": verdict.value}
    return page.go(receiver_path(name), done)


async def decide(
    page: Page, meant: Callable[[DeliveryOfAppeal], bool], *, again: bool
) -> tuple[ShownVersion, ItemResult]:
    """Apply a decision to the delivery from the form; raise Refused if it is gone or superseded."""
    words = page.words
    try:
        shown = ShownVersion.parse(page.form["shown"])
    except ValueError:
        raise Refused(422, words.say("Say which version, as a page has shown it.")) from None
    reason = page.form.reason(words)
    found = await page.journal.ask(deliveries.of_appeal, shown.id)
    if found is None or await seen(page, found) is None or not meant(found):
        raise Refused(404, words.say("There is no such delivery."))
    verdict = await page.journal.do(deliveries.Decision(shown, again, reason))
    match verdict:
        case ItemResult.GONE:
            raise Refused(404, words.say("There is no such delivery."))
        case ItemResult.NEWER:
            raise Refused(
                409,
                words.say(
                    "Nothing is done: {receiver} has a newer version of this appeal. Send that again, or give this up.",
                    receiver=found.delivery.receiver,
                ),
            )
    return shown, verdict
