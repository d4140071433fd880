"""A connection that accepts only answers which belong to its questions, and what its failures mean."""

import asyncio
import fcntl
import re
import termios
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import ClientConnectionError, ServerDisconnectedError
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.payload import BytesPayload

from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_BREAKS = b"\r\n"
"""Harmless line breaks after a reply, sent by some old servers."""
_HEAD = re.compile(rb"\n\r?\n")
_ENDLESS = 2**63
"""Length of a reply that ends with its connection."""
_TIMED_OUT = (b"HTTP/1.1 408", b"HTTP/1.0 408")
"""Sent by some proxies before they close an idle connection. It belongs to no question and names nobody."""
_TURNS = 4
"""Loop iterations to empty a socket: one to notice the data, one to read it, and as many again for later data."""


class Unasked(ClientConnectionError):
    """The connection carried unrequested data."""


class Unwatched(ClientConnectionError):
    """The connection is not an `HttpConnection`, so nothing shows what it carried."""


class QuestionBody(BytesPayload):
    """The body of one question. Only data that arrives after its first byte was written can be the answer.

    Attributes:
        first: whether it is the first question of its connection.
        sent: whether a byte of it may have left.
        doubted: whether data arrived that neither this question nor the idle time before it explains.
    """

    def __init__(self, body: bytes, on_doubt: Callable[[], None]) -> None:
        super().__init__(body)
        self.first = False
        self.sent = False
        self.doubted = False
        self._on_doubt = on_doubt

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the question, unless the connection has received data already. The headers leave together with it."""
        connection = getattr(writer, "protocol", None)
        if not isinstance(connection, HttpConnection):
            raise Unwatched
        await connection.hear()
        self.sent = connection.ask(self)
        if not self.sent:
            raise Unasked if self.doubted else ServerDisconnectedError
        await super().write_with_length(writer, content_length)

    def doubt(self) -> None:
        """Report once that the connection carried unrequested data."""
        if not self.doubted:
            self.doubted = True
            self._on_doubt()


class HttpConnection(ResponseHandler):
    """One connection to a server. It takes one reply after each question; anything else closes it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._asked: QuestionBody | None = None
        self._waits = False
        self._reply: Any = None
        self._edge = b""
        self._left: int | None = None
        self._spoke = False

    async def hear(self) -> None:
        """Let the loop read pending data of the socket, which must be known before the question leaves."""
        for _ in range(_TURNS):
            if self.transport is None or not _unread(self.transport):
                return
            await asyncio.sleep(0)

    def ask(self, asked: QuestionBody) -> bool:
        """Begin to wait for the reply; say whether the question may leave."""
        transport = self.transport
        if self._spoke:
            if self._asked is None:  # else it was told of the one before
                asked.doubt()
            return False
        if transport is None or transport.is_closing():
            return False
        asked.first = self._asked is None
        self._asked, self._waits = asked, True
        self._reply, self._edge = None, b""
        return True

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Accept a message whose head the parser has read."""
        message, payload = data
        if self._reply is not None:
            self._spoke = True
        elif message.code >= 200:
            self._reply = payload
            self._left = None if message.chunked else int(message.headers.get("Content-Length", _ENDLESS))
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Accept expected data only: the parser gets what may belong to the reply, and nothing beyond."""
        if not data:  # aiohttp calls so to go on with what it has
            super().data_received(data)
            return
        while self._waits:
            size = self._size(data)
            super().data_received(data[:size])
            self._waits = not self._ended()
            data = data[size:]
            if self._spoke:
                break
            if self.exception() is not None:
                # Where the reply is whole, it is what follows that is none.
                self._spoke = not self._waits
                break
            if not data:
                return
        if self._spoke or not self._waits:
            self._unawaited(data)

    def _size(self, data: bytes) -> int:
        """Return how many bytes the parser may get before the next check whether the reply has ended."""
        if self._reply is None:
            end = _HEAD.search(self._edge + data)
            size = end.end() - len(self._edge) if end is not None else len(data)
            self._edge = b"" if end is not None else (self._edge + data)[-2:]
            return size
        if self._left is not None:
            size = min(self._left, len(data))
            self._left -= size
            return size
        # Where chunks end the parser knows. A reply that is whole without the last byte ends before it.
        return len(data.rstrip(_BREAKS)) - 1 if len(data.rstrip(_BREAKS)) > 1 else len(data)

    def _ended(self) -> bool:
        return self._reply is not None and (self._left == 0 or bool(self._reply.is_eof()))

    def _unawaited(self, data: bytes) -> None:
        """Close the connection without parsing the data; report it if that may have been an answer."""
        harmless = not data.strip(_BREAKS) or data.startswith(_TIMED_OUT)
        self._spoke = self._spoke or not harmless
        if self.transport is None:
            return
        if self._asked is None and self._spoke:
            # Whoever is about to ask finds it out, and tells whose connection it was.
            self.transport.pause_reading()
            return
        self.transport.close()
        if self._asked is not None and self._spoke:
            self._asked.doubt()


def _unread(transport: asyncio.Transport) -> int:
    """Return the number of unread bytes in the socket."""
    socket = transport.get_extra_info("socket")
    if socket is None:
        return 0
    try:
        size = fcntl.ioctl(socket.fileno(), termios.FIONREAD, b"\0\0\0\0")
    except OSError:
        return 0
    return int.from_bytes(size, "little")


# The library's own texts are not used: they may quote received data.
_FAILURES: tuple[tuple[type[BaseException], OutcomeKind, str, str], ...] = (
    # The first class that fits counts, so the special ones come first.
    (Unasked, OutcomeKind.UNAVAILABLE, "http.unasked", "the server sent more than was asked; none of it is used"),
    (
        Unwatched,
        OutcomeKind.UNAVAILABLE,
        "http.unwatched",
        "this version of aiohttp makes connections of its own, on which answers cannot be told apart; "
        "install the version in requirements/run.lock",
    ),
    (aiohttp.ConnectionTimeoutError, OutcomeKind.TIMED_OUT, "http.connect_timeout", "no connection in time"),
    (TimeoutError, OutcomeKind.TIMED_OUT, "http.timeout", "no complete answer in time"),
    (aiohttp.ClientSSLError, OutcomeKind.UNAVAILABLE, "http.tls", "no trusted TLS connection"),
    (aiohttp.ClientConnectorDNSError, OutcomeKind.UNAVAILABLE, "http.dns", "the host name is not known"),
    (aiohttp.ClientConnectorError, OutcomeKind.UNAVAILABLE, "http.connect", "no connection"),
    (aiohttp.InvalidURL, OutcomeKind.INVALID, "http.url", "the URL is not one"),
    (aiohttp.ServerDisconnectedError, OutcomeKind.UNAVAILABLE, "http.reset", "the connection closed unanswered"),
    (aiohttp.ClientPayloadError, OutcomeKind.UNAVAILABLE, "http.reset", "the connection closed within the answer"),
    (aiohttp.ClientOSError, OutcomeKind.UNAVAILABLE, "http.reset", "the connection broke"),
    (aiohttp.ClientResponseError, OutcomeKind.INVALID, "http.malformed", "the answer is not HTTP"),
)


def failure(error: BaseException) -> CallFailed:
    if isinstance(error.__cause__, Unasked | Unwatched | aiohttp.ServerDisconnectedError):
        error = error.__cause__  # the library wraps what a body raises
    for kind_of_error, kind, code, reason in _FAILURES:
        if isinstance(error, kind_of_error):
            return CallFailed(kind, code, reason)
    return CallFailed(OutcomeKind.UNAVAILABLE, "http.failed", "the exchange failed")
