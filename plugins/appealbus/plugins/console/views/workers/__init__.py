"""Workers and links: who works, what each does for all, which of their connections are not up, and what waits."""

from starlette.responses import Response

from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.details import Details
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.console.views.workers.links import links_of, queues_of
from appealbus.plugins.console.words import said

view = View("workers", "Workers and links", place=70, path="/workers", needs=Action.OPERATE)

MARKS = {
    LinkStatus.UP: "good",
    LinkStatus.CONNECTING: "warn",
    LinkStatus.BLOCKED: "warn",
    LinkStatus.DOWN: "bad",
    LinkStatus.REFUSED: "bad",
}


DETAILS = Details(
    said("in memory"),
    said("connected to {where}"),
    said("no connection to {where}"),
    said("nothing listens at {where}"),
    said("{where} has no address; check the name"),
    said("{where} does not answer in time"),
    said("{where} gave no sign of life"),
    said("{where} took nothing for too long"),
    said("{where} gave no answer in time, and was given up"),
    said("{where} closed the connection ({code})"),
    said("the connection to {where} broke"),
    said("the connection ended by a defect of ours; see the log"),
    said("the broker takes nothing for now: {reason}"),
    said("the broker takes messages again"),
    said("not looked at yet: there is no connection"),
    said("not looked at yet"),
    said("no queue is bound to the exchange {exchange} for {keys}; these dossiers wait in the outbox"),
)
"""What links say of how they stand; what brokers answer stays as it is."""


@view.get("/workers", may=Action.OPERATE)
async def workers(page: Page) -> Response:
    """Show who works this journal."""
    beats = await page.journal.heartbeats()
    links = links_of(each.worker for each in beats if each.alive)
    return page.show(
        "workers/page.html",
        beats=beats,
        alive=sum(each.alive for each in beats),
        versions=sorted({each.worker.version for each in beats if each.alive and each.worker.version}),
        links=links,
        queues=queues_of(link for _, link in links),
        counts=await page.journal.counts(),
        next_due=await page.journal.next_due(),
        standing=await page.journal.standing(),
        link_mark=_mark,
        detail_of=lambda link: DETAILS.of(link.detail, page.words),
    )


def _mark(link: LinkState) -> str:
    return "warn" if link.warning else MARKS.get(link.status, "plain")
