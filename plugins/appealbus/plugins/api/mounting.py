"""Applications of plugins in this server: made once, bounded in time, and harmless to the API when they fail."""

import asyncio
from functools import partial

import structlog

from appealbus.core import Asgi, JournalError
from appealbus.core.serving import NotMade, is_defect, make, within
from appealbus.plugins.api.answers import of_problem
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.exchange import Exchange, Message, Receive, Scope, Send
from appealbus.plugins.api.page_viewer import ServerContext
from appealbus.plugins.api.problems import DEFECT, TOO_SLOW, Problem

log = structlog.get_logger(__name__)

_LONGEST = 60.0
"""Seconds in which an application answers, or goes on with its answer: twice what a page of the console may take."""
_OURS = frozenset({"app", "router", "route", "endpoint", "path_params", "starlette.exception_handlers"})


async def mount_pages(api: Api) -> None:
    """Make the applications of all plugins; one that is not made answers each request with 500.

    Raises:
        ConfigError: the settings of one cannot hold together.

    """
    for plugin, pages in api.host.pages:
        app: Asgi = of_problem(Problem(DEFECT, "the server could not make these pages"))
        part = f"pages.{pages.name}"
        api.metrics.defects.labels(part)
        try:
            app = await make(pages, plugin, ServerContext(api))
        except NotMade as error:
            api.note_defect(part)
            log.error("pages.not_made", plugin=plugin, part=part, reason=str(error))
        api.mounts[pages.path] = Mounted(app, plugin, part, api)


class Mounted:
    """An application of a plugin, as the API answers by it."""

    def __init__(self, app: Asgi, plugin: str, part: str, api: Api) -> None:
        self.app = app
        self._plugin = plugin
        self._part = part
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what the application leaves of it is closed or answered with 500."""
        # It gets nothing of ours. What it writes there stays its own, but the route, by which the request is counted.
        inner = {name: value for name, value in scope.items() if name not in _OURS}
        answer = _Answer(scope, receive, send)
        call = partial(self.app, inner, answer.receive, answer.send)
        try:
            async with answer.bound:
                await within(None, call, self._plugin, self._left_behind)
        except BaseException as error:
            if not is_defect(error) or (isinstance(error, Problem | JournalError) and not answer.begun):
                raise  # it is none, or the API answers it
            late = answer.bound.expired()
            if late and answer.awaits_body and not answer.begun:
                text = "the body did not come in time"
                raise Problem(TOO_SLOW, text, headers={"Connection": "close"}) from None
            if not answer.gone:
                self._api.note_defect(self._part)
                if late:
                    log.error("pages.too_slow", plugin=self._plugin, part=self._part, exc_info=error)
                else:
                    log.error("pages.raised", plugin=self._plugin, part=self._part, exc_info=error)
            await answer.end()
        else:
            if not await answer.end() and not answer.gone:
                self._api.note_defect(self._part)
                log.error("pages.no_answer", plugin=self._plugin, part=self._part)
        finally:
            answer.over = True
            if "route" in inner:
                scope["route"] = inner["route"]

    def _left_behind(self, _task: asyncio.Task[object]) -> None:
        log.error("pages.left_behind", plugin=self._plugin, part=self._part)


class _Answer:
    """One answer of an application, with the time that it may take.

    An answer with the status 500 is held back until the application ends: frameworks begin one before they let an
    exception pass, which the API may answer better.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._exchange: Exchange = scope[Exchange.KEY]
        self._held: list[Message] = []
        self.bound = asyncio.timeout(_LONGEST)
        self.begun = self.over = self.awaits_body = self.gone = False

    async def receive(self) -> Message:
        self.awaits_body = self._exchange.unread
        message = await self._receive()
        self.awaits_body, self.gone = False, message["type"] == "http.disconnect"
        self._go_on()
        return message

    async def send(self, message: Message) -> None:
        self._go_on()
        begins = not (self.begun or self._held)
        if begins and (message["type"] != "http.response.start" or type(message["status"]) is not int):
            raise ValueError("an answer begins with http.response.start and a number as its status")
        if not self.begun and (self._held or message.get("status") == DEFECT.status):
            self._held.append(message)
            if not (len(self._held) > 1 and message.get("more_body")):
                return
        messages, self._held, self.begun = self._held or [message], [], True
        self.bound.reschedule(None)  # a slow reader is no fault of the application
        for held in messages:
            await self._send(held)
        self._go_on()

    async def end(self) -> bool:
        """Send what is held, or an answer of the API if there is none; return whether the application had begun one."""
        self.over = True
        held = self._held if len(self._held) > 1 else []
        for message in held:
            await self._send(message)
        if not (self.begun or held):
            problem = of_problem(Problem(DEFECT, "the server failed over the request"))
            await problem(self._scope, self._receive, self._send)
        return bool(self.begun or held)

    def _go_on(self) -> None:
        if self.over or self.bound.expired():
            raise ConnectionError("the request is over")
        self.bound.reschedule(asyncio.get_running_loop().time() + _LONGEST)
