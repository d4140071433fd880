"""Workers and links: who works, what each does for all, which of their connections are not up, and what waits."""

from starlette.responses import Response

from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("workers", "Workers and links", place=70, path="/workers", needs=Action.OPERATE)

MARKS = {
    LinkStatus.UP: "good",
    LinkStatus.CONNECTING: "warn",
    LinkStatus.BLOCKED: "warn",
    LinkStatus.DOWN: "bad",
    LinkStatus.REFUSED: "bad",
}


@view.get("/workers", may=Action.OPERATE)
async def workers(page: Page) -> Response:
    """Show who works this journal."""
    beats = await page.journal.heartbeats()
    links = [(each.worker, link) for each in beats if each.alive for link in each.worker.links]
    links.sort(key=lambda one: (one[1].status is LinkStatus.UP and not one[1].warning, one[0].host, one[1].name))
    queues: dict[str, int] = {}
    for _, link in links:
        for name, depth in link.messages.items():
            queues[name] = max(depth, queues.get(name, 0))  # all workers look at the same queues
    return page.show(
        "workers/page.html",
        beats=beats,
        alive=sum(each.alive for each in beats),
        versions=sorted({each.worker.version for each in beats if each.alive and each.worker.version}),
        links=links,
        queues=sorted(queues.items()),
        counts=await page.journal.counts(),
        next_due=await page.journal.next_due(),
        standing=await page.journal.standing(),
        link_mark=_mark,
    )


def _mark(link: LinkState) -> str:
    return "warn" if link.warning else MARKS.get(link.status, "plain")
