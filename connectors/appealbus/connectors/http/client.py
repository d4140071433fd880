"""The process-wide HTTP client, and the servers that it does not trust to answer in order."""

import asyncio
import functools
import ssl
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
import structlog
from yarl import URL

from appealbus.connectors.http.connection import HttpConnection, QuestionBody, Unasked, failure
from appealbus.connectors.http.reply import HttpReply
from appealbus.core import CallFailed, LinkState, LinkStatus
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)

LASTS = 3600.0
"""Seconds without connection reuse. A misassigned answer shows a lasting fault, noticed or fixed within an hour."""

_UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError)
_CONNECTIONS = 500
"""Of all wires of the process."""
_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Doubts:
    """Servers in doubt: their connections may carry answers to other questions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[URL, float] = {}
        self._counts: Counter[str] = Counter()

    def tell(self, server: URL, source: str) -> None:
        """Put a server in doubt from now on, and log it."""
        self._until[server] = self._clock() + LASTS
        self._counts[source] += 1
        log.warning("http.unasked", source=source, count=self._counts[source])

    def __contains__(self, server: URL) -> bool:
        until = self._until.get(server)
        return until is not None and self._clock() < until

    def links(self, source: str, server: URL) -> tuple[LinkState, ...]:
        """Return the state of a source's connections, if its server has ever been in doubt."""
        if not self._counts[source] and server not in self:
            return ()
        doubted = server in self
        detail = "the server sent an answer that nobody had asked for; each question gets a connection of its own"
        return (
            LinkState(
                f"http.{source}",
                LinkStatus.UP,
                detail if doubted else "",
                counts={"unasked": self._counts[source]},
                warning=doubted,
            ),
        )


@dataclass(frozen=True, slots=True)
class _Call:
    """A request, internal to `HttpClient`."""

    method: str
    url: str | URL
    body: bytes
    headers: Mapping[str, str]
    connect_timeout: float
    limit: int
    tls: ssl.SSLContext | None
    source: str


class HttpClient:
    """One connection pool for all wires of the process, and single-question connections beside it.

    It opens at first use, under the loop that runs then. Each wire calls `open` at its start and `close` at its end;
    the last one closes the sessions. Redirects are not followed and cookies not kept: a POST with a citizen's
    identifiers must reach only the configured address.

    Attributes:
        doubts: servers that sent unrequested data. Their connections are not reused.
        large: semaphore for reading large answers: two at a time, as each may take some hundred megabytes.
    """

    def __init__(self) -> None:
        self.doubts = Doubts()
        self.large = asyncio.Semaphore(2)
        self._users = 0
        self._sessions: tuple[aiohttp.ClientSession, aiohttp.ClientSession] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_open(self) -> bool:
        return self._sessions is not None

    def open(self) -> None:
        self._users += 1

    async def close(self) -> None:
        """Remove one user; the last one closes the sessions."""
        self._users = max(0, self._users - 1)
        if self._users == 0 and self._sessions is not None:
            sessions, self._sessions = self._sessions, None
            for session in sessions:
                await session.close()

    async def post(
        self,
        url: str | URL,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,  # noqa: ASYNC109 - a caller's asyncio.timeout would end in an untyped failure
        connect_timeout: float = 5.0,
        limit: int = 2 * 1024 * 1024,
        tls: ssl.SSLContext | None = None,
        source: str = "",
        alone: bool = False,
    ) -> HttpReply:
        """Send a body and return the answer, whatever its status.

        Args:
            url: must contain no personal data.
            timeout: seconds for the whole exchange.
            limit: largest body of the answer in bytes, after decompression.
            tls: trusted authorities and own certificate; None: the system's certificate authorities.
            alone: whether to use a connection for this question only. Servers in doubt always get one.

        Raises:
            CallFailed: `http.*`, if no answer arrived completely, or it may belong to another question.
        """
        call = _Call("POST", url, body, headers, connect_timeout, limit, tls, source)
        return await self._request(call, timeout, alone)

    async def probe(
        self,
        url: str | URL,
        *,
        timeout: float,  # noqa: ASYNC109 - as above
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Send a GET to see whether the server responds; return the status. Raises CallFailed `http.*`."""
        call = _Call("GET", url, b"", {}, timeout, 1024 * 1024, tls, "")
        return (await self._request(call, timeout, alone=True)).status

    def doubt(self, url: str | URL, source: str) -> None:
        """Put the server in doubt: it answered a question with the answer to another one."""
        self.doubts.tell(_server(url), source)

    def links(self, source: str, url: str | URL) -> tuple[LinkState, ...]:
        """Return the state of a source's connections to its server, if there is anything to report."""
        return self.doubts.links(source, _server(url))

    async def _request(self, call: "_Call", seconds: float, alone: bool) -> HttpReply:
        server = _server(call.url)
        try:
            async with asyncio.timeout(seconds):
                asked = QuestionBody(call.body, functools.partial(self.doubts.tell, server, call.source))
                try:
                    return await self._exchange(call, asked, alone or server in self.doubts)
                except aiohttp.ClientConnectionError as error:
                    if asked.sent or isinstance(error, _UNREACHED):
                        raise
                # The connection was of no use any more. Nothing has left, so nothing is asked twice.
                asked = QuestionBody(call.body, functools.partial(self.doubts.tell, server, call.source))
                return await self._exchange(call, asked, alone=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise failure(error) from None

    async def _exchange(self, call: "_Call", asked: QuestionBody, alone: bool) -> HttpReply:
        pooled, single = self._sessions_here()
        response = await (single if alone else pooled).request(
            call.method,
            call.url,
            data=asked,
            headers=call.headers,
            allow_redirects=False,
            timeout=_timeout(call.connect_timeout),
            ssl=call.tls if call.tls is not None else True,
            skip_auto_headers=("Content-Type",) if call.method == "GET" else None,
        )
        try:
            raw = await _read(response, call.limit)
        finally:
            # Of an answer that was read whole, the connection is back in the pool already.
            response.close()
        if asked.doubted:
            raise Unasked
        body = _decoded(raw, response.headers, call.limit)
        return HttpReply(response.status, response.headers, body, alone=asked.first)

    def _sessions_here(self) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        loop = asyncio.get_running_loop()
        if self._sessions is None or self._loop is not loop:
            self._loop = loop
            self._sessions = self._session(loop, single=False), self._session(loop, single=True)
        return self._sessions

    def _session(self, loop: asyncio.AbstractEventLoop, *, single: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, force_close=single)
        # Not a documented door; `Asked` refuses to leave by any other.
        connector._factory = functools.partial(HttpConnection, loop=loop)  # type: ignore[assignment]
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Asking for compression costs both sides more than the few kilobytes of an answer are worth;
            # undoing it ourselves bounds a bomb before it is in memory.
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
            skip_auto_headers=("User-Agent",),
        )


@functools.lru_cache(maxsize=1000)
def _timeout(connect: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=connect)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if (response.content_length or 0) > limit:
        raise _too_large(limit)
    content = response.content
    chunks = [await content.readany()]
    size = len(chunks[0])
    while not content.at_eof():
        if size > limit:
            raise _too_large(limit)
        chunks.append(await content.readany())
        size += len(chunks[-1])
    if size > limit:
        raise _too_large(limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _server(url: str | URL) -> URL:
    try:
        return URL(url).origin()
    except ValueError:
        raise failure(aiohttp.InvalidURL("")) from None


def _decoded(raw: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    coding = headers.get("Content-Encoding", "").strip().lower()
    if coding in ("", "identity") or not raw:
        return raw
    bits = _CODINGS.get(coding)
    if bits is None:
        raise CallFailed(OutcomeKind.INVALID, "http.encoding", "the answer's Content-Encoding is not one that we take")
    try:
        undo = zlib.decompressobj(bits)
        body = undo.decompress(raw, limit + 1)
    except zlib.error:
        raise CallFailed(OutcomeKind.INVALID, "http.encoding", "the answer does not decompress") from None
    if len(body) > limit:
        raise _too_large(limit)
    if not undo.eof or undo.unused_data:
        raise CallFailed(OutcomeKind.INVALID, "http.encoding", "the compressed answer does not end where it should")
    return body


def _too_large(limit: int) -> CallFailed:
    reason = f"the answer has more than {limit} bytes"
    return CallFailed(OutcomeKind.INVALID, "http.too_large", reason, at_scale=True)
