"""The page, and the event stream that updates it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from appealbus.core import JournalError
from appealbus.core.management.health import seen_finding
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.console.views.deliveries.queries import receiver_path
from appealbus.plugins.console.views.now.queries import Now, Watch

view = View("now", "Now", place=10, path="/now", needs=Action.OPERATE)

_EACH = 2.0
"""Seconds between two updates."""
_MOST = 30
"""Maximum number of findings, sources and receivers shown, the worst first: each change sends the whole picture."""


@view.get("/now", may=Action.OPERATE)
async def now(page: Page) -> Response:
    try:
        found = await watch_of(page).now()
    except TimeoutError:
        raise Refused(
            503, page.words.say("The journal cannot be asked now. Nothing is lost; try again soon.")
        ) from None
    return page.show("now/page.html", live="/console/now/live", **given(page, found))


@view.get("/now/live", may=Action.OPERATE, by_itself=True)
async def live(page: Page) -> Response:
    return _Stream(page)


def watch_of(page: Page) -> Watch:
    return page.console.one(Watch)


def given(page: Page, found: Now) -> Mapping[str, Any]:
    views = {view.name for view in page.console.views if view.open_to(page.viewer)}
    shown = [seen_finding(page.viewer, finding) for finding in found.findings]
    findings = [(finding, found.where(finding, views), bool(finding.says)) for finding in shown]
    settings, counts = page.console.api.loaded.settings, found.facts.counts
    return {
        "it": found,
        "findings": findings,
        "most": _MOST,
        "hiding": page.viewer.mask.text,
        "views": views,
        "receiver_path": receiver_path,
        "intakes": sorted(settings.intakes),
        "receivers": sorted(
            {*settings.deliveries, *counts.outbox, *counts.alone},
            key=lambda name: (-counts.alone.get(name, 0), -counts.outbox.get(name, 0), name),
        ),
    }


class _Stream(StreamingResponse):
    """A stream that occupies one of the person's slots from before its first byte."""

    def __init__(self, page: Page) -> None:
        headers = {"x-accel-buffering": "no", "cache-control": "no-store"}
        super().__init__(_pictures(page), media_type="text/event-stream", headers=headers)
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, unless the person has too many open."""
        api, name = self._page.console.api, self._page.session.client.name
        api.check_waiting(name)
        with api.waiting(name, "stream"):
            await super().__call__(scope, receive, send)


async def _pictures(page: Page) -> AsyncIterator[str]:
    """Yield each changed picture until the server stops or the session ends."""
    api, credential, before = page.console.api, page.session.credential, ""
    yield "retry: 3000\n\n"
    with api.credentials.watching(credential.kind, credential.id) as ended:
        over = [asyncio.ensure_future(each.wait()) for each in (api.draining, ended)]
        try:
            while not any(each.done() for each in over):
                try:
                    found = await watch_of(page).now()
                    text = _picture(page, found)
                    if text != before:
                        yield _event("now", text)
                    before = text
                    yield _event("at", page.words.say("As of {moment}", moment=page.words.moment(found.at)))
                except (JournalError, TimeoutError):
                    yield ": still\n\n"  # the next one may come
                await asyncio.wait(over, timeout=_EACH, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in over:
                each.cancel()
    yield _event("over", "")


def _picture(page: Page, found: Now) -> str:
    """Render the picture; viewers with the same rights share one."""
    watch, made = watch_of(page), given(page, found)
    hidden = page.viewer.mask.identifiers
    key = (page.words.language, hidden, tuple(sorted(made["views"])), tuple(shown for *_, shown in made["findings"]))
    if watch.drawn_for is not found:
        watch.drawn_for, watch.drawn = found, {}
    if key not in watch.drawn:
        watch.drawn[key] = page.console.fragment(page.words, "now/flow.html", made)
    return watch.drawn[key]


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
