"""Giving one version up, and sending one again: what was shown is done, once, and the verdict is told."""

from collections.abc import Callable

from starlette.responses import Response

from appealbus.core.domain.operation import Verdict
from appealbus.core.journal.deliveries.delivering import Shown
from appealbus.core.journal.deliveries.receivers import DeliveryOfAppeal
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.deliveries.queries import receiver_path, seen, view


@view.post("/deliveries/{name}/skip", may=Action.OPERATE)
async def skip(page: Page) -> Response:
    """Give a version up: it stays on record, and nobody hands it over."""
    return await _decide(page, again=False)


@view.post("/deliveries/{name}/resend", may=Action.OPERATE)
async def resend(page: Page) -> Response:
    """Have a version delivered again, under the same id."""
    return await _decide(page, again=True)


async def _decide(page: Page, *, again: bool) -> Response:
    name = page.request.path_params["name"]
    shown, verdict = await decide(page, lambda found: found.delivery.receiver == name, again=again)
    done = {"done": "resend" if again else "skip", "id": str(shown.id), "verdict": verdict.value}
    return page.go(receiver_path(name), done)


async def decide(page: Page, meant: Callable[[DeliveryOfAppeal], bool], *, again: bool) -> tuple[Shown, Verdict]:
    """Decide about the delivery that a form has shown; return it, and what became of it.

    Raises:
        Refused: there is none that is meant, or its receiver has a newer version.

    """
    words = page.words
    try:
        shown = Shown.parse(page.form["shown"])
    except ValueError:
        raise Refused(422, words.say("Say which version, as a page has shown it.")) from None
    reason = page.form.reason(words)
    found = await page.journal.delivery(shown.id)
    if found is None or await seen(page, found) is None or not meant(found):
        raise Refused(404, words.say("There is no such delivery."))
    order = page.journal.resend_delivery if again else page.journal.skip_delivery
    verdict = await order(shown, reason=reason)
    match verdict:
        case Verdict.GONE:
            raise Refused(404, words.say("There is no such delivery."))
        case Verdict.NEWER:
            raise Refused(
                409,
                words.say(
                    "Nothing is done: {receiver} has a newer version of this appeal. Send that again, or give this up.",
                    receiver=found.delivery.receiver,
                ),
            )
    return shown, verdict
