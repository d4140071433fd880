"""A connection with an end to everything that a peer may be slow with: the head of a request, and answers."""

import asyncio
import socket
from collections.abc import Container
from typing import Any

import h11
import orjson
from uvicorn.protocols.http.h11_impl import H11Protocol

from appealbus.core.fair_share import FairShare
from appealbus.plugins.api.exchange import LARGEST_HEAD
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import BAD_HTTP, MEDIA_TYPE, Problem, unavailable
from appealbus.plugins.api.security import HEADERS, fingerprint
from appealbus.plugins.api.strict import Strict

_LINGERS = 1.0
"""Seconds for which what still comes of a refused request is thrown away: bytes left unread would reset the connection,
and its peer might not see the answer."""


class Connection(H11Protocol):
    """One connection, as uvicorn has it, that is cut where its peer is too slow.

    A peer has `patience` seconds from the first byte of a request to the end of its head, the same from when it takes
    no more of an answer until it does, and at the end of a connection until it has taken the rest.
    """

    def __init__(
        self, *, patience: float, share: FairShare, proxies: Container[str], metrics: Metrics, **given: Any
    ) -> None:
        super().__init__(**given)
        self.conn = Strict(h11.SERVER, LARGEST_HEAD)
        self._patience = patience
        self._share = share
        self._proxies = proxies
        self._who: str | None = None
        self._metrics = metrics
        self._head: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a connection too many is told so."""
        super().connection_made(transport)
        # asyncio does so only where the listener was made with the number of the protocol. Without it the body of an
        # answer waits until the peer has acknowledged the head, which takes it 40 ms.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._metrics.connections.inc()
        app, seen = self.app, fingerprint(transport.get_extra_info("ssl_object"))

        async def with_certificate(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "client_certificate": seen}, receive, send)

        if seen is not None:
            self.app = with_certificate
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        who = "" if address in self._proxies else address  # behind a proxy are many
        if not self._share.take(who):
            self._refuse(unavailable("the server has as many connections as it takes"))
            self.transport.close()
        else:
            self._who = who
            self._head = self.loop.call_later(self._patience, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the first of a head start its time."""
        if self.transport.is_closing() or self._refused:
            return
        if self._head is None and self._idle:
            self._head = self.loop.call_later(self._patience, self.transport.abort)
        super().data_received(data)
        if not self._idle:
            self._unset(head=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._metrics.connections.dec()
        if self._who is not None:
            self._share.give_back(self._who)
        self._unset(head=True, writing=True)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a peer that takes no more, but not for ever."""
        super().pause_writing()
        self._writing = self._writing or self.loop.call_later(self._patience, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        self._unset(writing=True)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has nothing to do; what its peer has not taken of an answer is not kept for ever."""
        self._unset(head=True)
        super().timeout_keep_alive_handler()
        self._writing = self._writing or self.loop.call_later(self._patience, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, if there is no answer under way."""
        self._refuse(Problem(BAD_HTTP, "the request breaks HTTP/1.1, or its head is too large"))
        if (
            self.cycle is not None and not self.cycle.response_complete
        ):  # whoever reads its body hears of the end at once
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
        self.loop.call_later(_LINGERS, self.transport.close)

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, problem: Problem) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        body = orjson.dumps(problem.as_json())
        about = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), "connection": "close"}
        headers = [(name.encode(), value.encode()) for name, value in {**HEADERS, **about, **problem.headers}.items()]
        answer = h11.Response(status_code=problem.kind.status, headers=headers)
        for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self._refused = True
        self._writing = self._writing or self.loop.call_later(self._patience, self.transport.abort)

    def _unset(self, *, head: bool = False, writing: bool = False) -> None:
        if head and self._head is not None:
            self._head.cancel()
            self._head = None
        if writing and self._writing is not None:
            self._writing.cancel()
            self._writing = None
