"""Around every request: security headers, a line in the log, metrics, and an answer to whatever goes wrong."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.requests import Request

from appealbus.core.clocks import monotonic
from appealbus.core.fair_share import requester
from appealbus.plugins.api.answers import of_problem
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import BAD_HTTP, DEFECT, Problem
from appealbus.plugins.api.security import HEADERS

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_KEY = "appealbus.exchange"
_SAID = re.compile(r"[{}]")
LARGEST_HEAD = 16 * 1024
"""Bytes of the head of a request: a client of ours sends a few hundred. With more, each connection may hold more."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


_HEADERS = _raw(HEADERS)


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


def _misshapen(scope: Scope) -> Problem | None:
    """Say what of a head h11 lets through and nobody needs."""
    headers, text = scope["headers"], ""
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        text = "a body has one length"  # a proxy may have taken the one, and we the other
    elif sum(len(name) + len(value) for name, value in headers) + len(scope["query_string"]) > LARGEST_HEAD:
        text = f"the head has more than {LARGEST_HEAD} bytes"
    return Problem(BAD_HTTP, text, headers={"Connection": "close"}) if text else None


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
        requester.set(f"@{(scope.get('client') or ('',))[0]}")  # until it is known who asks
        scope = {**scope, _KEY: exchange}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                own = list(message.get("headers", ()))
                names = {name for name, _ in own}
                more = (*_HEADERS, *_raw(exchange.headers))
                message = {**message, "headers": [*own, *(each for each in more if each[0] not in names)]}
            elif message["type"] == "http.response.body":
                exchange.size += len(message.get("body", b""))
            await send(message)

        try:
            problem = _misshapen(scope)
            await (self._app if problem is None else of_problem(problem))(scope, receive, sending)
        except Exception:
            log.exception("api.defect")
            if not exchange.status:
                await of_problem(Problem(DEFECT, "the server failed over the request"))(scope, receive, sending)
        finally:
            self._note(scope, exchange, monotonic() - began)

    def _note(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        """Tell of it by its route: a path or a query may hold what is personal, or what somebody made up."""
        route = scope.get("root_path", "") + getattr(scope.get("route"), "path", "")
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
