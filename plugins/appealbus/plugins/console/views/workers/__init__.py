"""Workers and links: duties of each worker, faulty connections, and queues."""

from starlette.responses import Response

from appealbus.core import LinkState, LinkStatus
from appealbus.core.management import health
from appealbus.core.management import workers as journal_workers
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.details import Detail
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.console.views.workers.links import links_of, queues_of
from appealbus.plugins.console.words import Words

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
    beats = await page.journal.ask(journal_workers.heartbeats)
    links = links_of(beat.worker for beat in beats if beat.alive)
    return page.show(
        "workers/page.html",
        beats=beats,
        alive=sum(beat.alive for beat in beats),
        versions=sorted({beat.worker.version for beat in beats if beat.alive and beat.worker.version}),
        links=links,
        queues=queues_of(link for _, link in links),
        counts=await page.journal.ask(health.counts),
        next_due=await page.journal.ask(health.next_due),
        standing=await page.journal.ask(health.how_it_stands),
        link_mark=_mark,
        detail_of=lambda link: _detail(page.words, link),
    )


def _mark(link: LinkState) -> str:
    return "warn" if link.warning else MARKS.get(link.status, "plain")


def _detail(words: Words, link: LinkState) -> Detail:
    told = words.known(link.detail)
    return Detail(told, "en" if told == link.detail else words.language.value)
