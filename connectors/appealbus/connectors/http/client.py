"""The one HTTP client of the process."""

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from appealbus.connectors.http.errors import failure
from appealbus.core.interfaces.wire import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer, complete and within its limit. Header names are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """One session and one pool of connections for every wire of the process.

    It opens on first use, under the loop that runs then. Each wire says `open` when it starts and `close` when
    it ends; the last one closes the session. Redirects are not followed and cookies not kept: a POST with a
    citizen's identifiers goes where the configuration says, or nowhere.
    """

    def __init__(self, *, connections: int = 500) -> None:
        self._connections = connections
        self._users = 0
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    def open(self) -> None:
        """Count one more user."""
        self._users += 1

    async def close(self) -> None:
        """Count one user less; with the last one the session closes."""
        self._users = max(0, self._users - 1)
        if self._users == 0 and self._session is not None:
            session, self._session = self._session, None
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
    ) -> HttpReply:
        """Send a body and return the answer, whatever its status.

        Args:
            url: where to; nothing personal may be in it.
            body: sent as it is.
            headers: sent beside those of HTTP itself.
            timeout: seconds for all of it.
            connect_timeout: seconds for getting a new connection.
            limit: the most bytes that the answer's body may have, counted after decompression.
            tls: whom to trust and who we are; None: the system's certificate authorities.

        Raises:
            CallFailed: `http.*`, where no answer came whole.

        """
        return await self._request(
            "POST", url, body, headers, timeout=timeout, connect_timeout=connect_timeout, limit=limit, tls=tls
        )

    async def probe(
        self,
        url: str | URL,
        *,
        timeout: float,  # noqa: ASYNC109 - as above
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Ask for the URL with GET and return the status, to see whether anybody is there.

        Raises:
            CallFailed: `http.*`.

        """
        reply = await self._request(
            "GET", url, None, {}, timeout=timeout, connect_timeout=timeout, limit=1024 * 1024, tls=tls
        )
        return reply.status

    async def _request(
        self,
        method: str,
        url: str | URL,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,  # noqa: ASYNC109 - as above
        connect_timeout: float,
        limit: int,
        tls: ssl.SSLContext | None,
    ) -> HttpReply:
        session = self._session_here()
        try:
            async with asyncio.timeout(timeout):
                response = await session.request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=self._timeout(connect_timeout),
                    ssl=tls if tls is not None else True,
                )
                try:
                    raw = await _read(response, limit)
                finally:
                    # Of an answer that was read whole, the connection is back in the pool already.
                    response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise failure(error) from None
        return HttpReply(response.status, response.headers, _decoded(raw, response.headers, limit))

    def _session_here(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Asking for compression costs both sides more than the few kilobytes of an answer are worth;
                # undoing it ourselves bounds a bomb before it is in memory.
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                skip_auto_headers=("User-Agent",),
            )
        return self._session

    def _timeout(self, connect: float) -> aiohttp.ClientTimeout:
        known = self._timeouts.get(connect)
        if known is None:
            if len(self._timeouts) >= 1000:
                self._timeouts.clear()
            known = self._timeouts[connect] = aiohttp.ClientTimeout(total=None, sock_connect=connect)
        return known


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
    return CallFailed(OutcomeKind.INVALID, "http.too_large", f"the answer has more than {limit} bytes")
