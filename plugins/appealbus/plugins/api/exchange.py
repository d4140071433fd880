"""Around every request: security headers, a line in the log, metrics, and an answer to whatever goes wrong."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from appealbus.core.clocks import monotonic
from appealbus.plugins.api.answers import of_problem
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import DEFECT, Problem
from appealbus.plugins.api.security import HEADERS

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY = "appealbus.exchange"
_SAID = re.compile(r"[{}]")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(slots=True)
class Exchange:
    """A request and its answer, as far as all need to know.

    Attributes:
        client: the name of who asks, once that is known.
        headers: of the answer, beside its own.
        status: of the answer; 0 until it begins.
        size: bytes of the answer's body so far.

    """

    client: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    size: int = 0

    @classmethod
    def of(cls, request: Request) -> "Exchange":
        """Return that of a request."""
        found = request.scope[_KEY]
        assert isinstance(found, Exchange)  # noqa: S101 - `Exchanges` put it there
        return found


class Exchanges:
    """The outermost layer of the application."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        exchange, began = Exchange(), monotonic()
        scope = {**scope, _KEY: exchange}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                for name, value in (*HEADERS.items(), *exchange.headers.items()):
                    headers.setdefault(name, value)
                message = {**message, "headers": headers.raw}
            elif message["type"] == "http.response.body":
                exchange.size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            log.exception("api.defect")
            if not exchange.status:
                await of_problem(Problem(DEFECT, "the server failed over the request"))(scope, receive, sending)
        finally:
            self._note(scope, exchange, monotonic() - began)

    def _note(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        """Tell of it by its route: a path or a query may hold what is personal, or what somebody made up."""
        route = getattr(scope.get("route"), "path", "")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.note(route, method, exchange.status, seconds)
        log.info(
            "api.answered",
            client=exchange.client or None,
            method=method.lower(),
            route=_SAID.sub("", route).strip("/") or None,
            status=exchange.status,
            duration_ms=round(seconds * 1000, 1),
            bytes=exchange.size,
        )
