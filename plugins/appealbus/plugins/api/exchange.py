"""Around every request: security headers, a line in the log, metrics, and an answer to whatever goes wrong."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import structlog
from starlette.requests import Request

from appealbus.core.clocks import monotonic
from appealbus.core.fair_share import requester
from appealbus.plugins.api.answers import of_problem
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import BAD_HTTP, DEFECT, HTTP_VERSION, TOO_LARGE, Problem
from appealbus.plugins.api.security import HEADERS

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SAID = re.compile(r"[{}]")
LARGEST_HEAD = 16 * 1024
"""Bytes of the head of a request: a client of ours sends a few hundred. With more, each connection may hold more."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VERSIONS = frozenset({"1.0", "1.1"})
_ONCE = frozenset(
    {b"authorization", b"content-type", b"idempotency-key", b"appealbus-again", b"appealbus-purpose", b"last-event-id"}
)
"""Headers that have one value: of two, a proxy may go by the one, and we by the other."""
_DRAINED = 32 * 1024 * 1024
"""Bytes of a body that are read after its answer, to be thrown away: eight of the largest messages. With fewer, clients
that send more find the connection reset, and no answer; with more, we read for nobody for longer."""
_CLOSE = {"Connection": "close"}


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
        head: the request is for the head alone; the answer has no body.
        unread: the request has a body of which there may be more to come.

    """

    KEY: ClassVar = "appealbus.exchange"
    """Where it is in the scope of its request."""
    client: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    size: int = 0
    head: bool = False
    unread: bool = False

    @classmethod
    def of(cls, request: Request) -> "Exchange":
        """Return that of a request."""
        found = request.scope[cls.KEY]
        assert isinstance(found, Exchange)  # noqa: S101 - `Exchanges` put it there
        return found


def _misshapen(scope: Scope) -> Problem | None:
    """Say what of a head h11 lets through and nobody needs."""
    if scope["http_version"] not in _VERSIONS:
        return Problem(HTTP_VERSION, "the server speaks HTTP/1.0 and HTTP/1.1", headers=_CLOSE)
    headers, text = scope["headers"], ""
    names = Counter(name for name, _ in headers)
    if b"content-length" in names and b"transfer-encoding" in names:
        text = "a body has one length"  # a proxy may have taken the one, and we the other
    elif twice := sorted(name.decode() for name in _ONCE if names[name] > 1):
        text = f"a request has one header {twice[0]}"
    elif sum(len(name) + len(value) for name, value in headers) + len(scope["query_string"]) > LARGEST_HEAD:
        text = f"the head has more than {LARGEST_HEAD} bytes"
    return Problem(BAD_HTTP, text, headers=_CLOSE) if text else None


class Exchanges:
    """The outermost layer of the application.

    Args:
        app: what answers.
        metrics: where requests are counted.
        patience: seconds that a client may go on to send a body whose answer is there already.

    """

    def __init__(self, app: App, metrics: Metrics, patience: float) -> None:
        self._app = app
        self._metrics = metrics
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        names = {name for name, value in scope["headers"] if value != b"0"}
        exchange, began = Exchange(head=scope["method"] == "HEAD"), monotonic()
        requester.set(f"@{(scope.get('client') or ('',))[0]}")  # until it is known who asks
        exchange.unread = b"content-length" in names or b"transfer-encoding" in names
        # HEAD is GET to all that follows; its body is left out here.
        asked = {**scope, Exchange.KEY: exchange, "method": "GET" if exchange.head else scope["method"]}
        last: list[Message] = []

        async def receiving() -> Message:
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body"):
                exchange.unread = False
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                own = list(message.get("headers", ()))
                names = {name for name, _ in own}
                closes = _CLOSE if exchange.status == TOO_LARGE.status else {}
                more = (*_HEADERS, *_raw({**exchange.headers, **closes}))
                message = {**message, "headers": [*own, *(each for each in more if each[0] not in names)]}
            elif exchange.head:
                if last:
                    return
                last.append(message := {"type": "http.response.body", "body": b""})  # a stream ends with it
            else:
                exchange.size += len(message.get("body", b""))
                if exchange.unread and not message.get("more_body"):
                    last.append({**message, "body": b""})
                    message = {**message, "more_body": True}
            await send(message)

        try:
            problem = _misshapen(scope)
            await (self._app if problem is None else of_problem(problem))(asked, receiving, sending)
        except Exception:
            log.exception("api.defect")
            if not exchange.status:
                await of_problem(Problem(DEFECT, "the server failed over the request"))(asked, receiving, sending)
        finally:
            self._note(asked, exchange, monotonic() - began)
        # A connection that ends with bytes unread is reset, and the answer may be lost. Where too much follows it ends
        # all the same: an answer that is not completed has it closed.
        if last and not exchange.head and await self._drained(exchange, receiving):
            await send(last[0])

    async def _drained(self, exchange: Exchange, receive: Receive) -> bool:
        """Read the rest of a body that nobody wants; return whether that was all of it."""
        size = 0
        try:
            async with asyncio.timeout(self._patience):
                while exchange.unread and size <= _DRAINED:
                    size += len((await receive()).get("body", b""))
        except TimeoutError:
            return False
        return not exchange.unread

    def _note(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        """Tell of it by its route: a path or a query may hold what is personal, or what somebody made up."""
        route = scope.get("root_path", "") + getattr(scope.get("route"), "path", "")
        method = "HEAD" if exchange.head else scope["method"] if scope["method"] in _METHODS else "OTHER"
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
