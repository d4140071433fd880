"""The HTTP client against real sockets, well-behaved and not."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from appealbus.connectors.http import HttpClient, retry_after
from appealbus.core.interfaces.wire import CallFailed
from appealbus.schemas.outcome import OutcomeKind
from tests.services.processes import PATIENCE

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[str]:
    """Yield the URL of a server that does with each connection as it likes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        await asyncio.sleep(0)


def saying(data: bytes, *, reset: bool = False) -> Talk:
    """Return a talk: wait for the request, send the data, close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        if reset:
            writer.transport.abort()

    return talk


async def failure(http: HttpClient, url: str, **options: Any) -> CallFailed:
    """Return how a POST fails."""
    with pytest.raises(CallFailed) as caught:
        await http.post(url, b"<x/>", {}, **{"timeout": 2.0, **options})
    assert caught.value.__cause__ is None
    return caught.value


async def test_post(http: HttpClient, peer: Any) -> None:
    """Body and headers arrive as they are, and the answer comes back whole."""
    peer.answer = web.Response(status=418, body=b"tea", headers={"X-Kind": "green"})
    reply = await http.post(peer.url, b"<x/>", {"SOAPAction": '"find"'}, timeout=PATIENCE)
    assert (reply.status, reply.body, reply.headers.get("x-kind")) == (418, b"tea", "green")
    request, body = peer.seen[0]
    assert (body, request.headers["SOAPAction"]) == (b"<x/>", '"find"')
    assert request.headers["Accept-Encoding"] == "identity"
    assert "User-Agent" not in request.headers


async def test_one_connection_serves_many_calls(http: HttpClient, peer: Any) -> None:
    """Connections are kept and used again."""
    peer.answer = web.Response(body=b"x" * 100_000)
    for _ in range(5):
        await http.post(peer.url, b"", {}, timeout=PATIENCE)
    assert len({request.transport.get_extra_info("peername") for request, _ in peer.seen if request.transport}) <= 1


async def test_cookies_are_not_kept(http: HttpClient, peer: Any) -> None:
    """What one source sets is not sent back, to it or to anybody."""
    peer.answer = web.Response(headers={"Set-Cookie": "session=1"})
    await http.post(peer.url, b"", {}, timeout=PATIENCE)
    await http.post(peer.url, b"", {}, timeout=PATIENCE)
    assert "Cookie" not in peer.seen[1][0].headers


async def test_redirects_are_not_followed(http: HttpClient, peer: Any) -> None:
    """A redirect is an answer like any other: nothing is sent elsewhere."""
    peer.answer = web.Response(status=307, headers={"Location": f"{peer.url}other"})
    assert (await http.post(peer.url, b"", {}, timeout=PATIENCE)).status == 307
    assert len(peer.seen) == 1


async def test_nobody_listens(http: HttpClient) -> None:
    """A refused connection is `unavailable`."""
    async with raw_server(saying(b"")) as url:
        pass
    failed = await failure(http, url)
    assert (failed.kind, failed.code) == (OutcomeKind.UNAVAILABLE, "http.connect")


async def test_unknown_host(http: HttpClient) -> None:
    """A host that nobody knows is `unavailable`."""
    failed = await failure(http, "http://nobody.invalid/", timeout=PATIENCE)
    assert (failed.kind, failed.code) == (OutcomeKind.UNAVAILABLE, "http.dns")


@pytest.mark.parametrize(
    ("data", "reset", "kind", "code"),
    [
        (b"", False, "unavailable", "http.reset"),
        (b"", True, "unavailable", "http.reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<a>", False, "unavailable", "http.reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<a>", True, "unavailable", "http.reset"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<a>", False, "unavailable", "http.reset"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", False, "invalid", "http.malformed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", False, "invalid", "http.malformed"),
    ],
)
async def test_broken_answers(http: HttpClient, data: bytes, reset: bool, kind: str, code: str) -> None:
    """An answer that breaks off, or is none, has its kind and code."""
    async with raw_server(saying(data, reset=reset)) as url:
        failed = await failure(http, url)
    assert (failed.kind, failed.code) == (kind, code)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a>"])
async def test_no_answer_in_time(http: HttpClient, head: bytes) -> None:
    """A server that falls silent, before its answer or within, is `timed_out` after the timeout."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await reader.read()

    async with raw_server(talk) as url, asyncio.timeout(PATIENCE):
        failed = await failure(http, url, timeout=0.2)
    assert (failed.kind, failed.code) == (OutcomeKind.TIMED_OUT, "http.timeout")


async def test_drip(http: HttpClient) -> None:
    """A server that drips byte by byte cannot outlast the timeout."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.02)

    async with raw_server(talk) as url:
        assert (await failure(http, url, timeout=0.2)).code == "http.timeout"


async def test_endless_answer(http: HttpClient) -> None:
    """An answer without end is cut at the limit, not at the timeout."""
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    async with raw_server(talk) as url:
        failed = await failure(http, url, limit=100_000, timeout=PATIENCE)
    assert (failed.kind, failed.code) == (OutcomeKind.INVALID, "http.too_large")
    assert sent < 20_000_000


async def test_cancelled_call(http: HttpClient, peer: Any) -> None:
    """A call that is cancelled from outside stays cancelled, and the client goes on."""

    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    peer.answer = never
    task = asyncio.create_task(http.post(peer.url, b"", {}, timeout=30.0))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    peer.answer = web.Response(body=b"ok")
    assert (await http.post(peer.url, b"", {}, timeout=PATIENCE)).body == b"ok"


async def test_session_closes_with_its_last_user(peer: Any) -> None:
    """The session is shared, lives as long as anybody uses it, and opens again when somebody does."""
    client = HttpClient()
    client.open()
    client.open()
    peer.answer = web.Response(body=b"ok")
    await client.post(peer.url, b"", {}, timeout=PATIENCE)
    await client.close()
    assert client.is_open
    await client.close()
    await client.close()
    assert not client.is_open
    client.open()
    assert (await client.post(peer.url, b"", {}, timeout=PATIENCE)).body == b"ok"
    await client.close()


def test_one_client_serves_several_loops() -> None:
    """A client outlives the loop that it was first used under."""
    client = HttpClient()

    async def once() -> bytes:
        async with raw_server(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as url:
            client.open()
            body = (await client.post(url, b"", {}, timeout=PATIENCE)).body
            await client.close()
            return body

    assert asyncio.run(once()) == asyncio.run(once()) == b"ok"
    gc.collect()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("5", 5.0), (" 5 ", 5.0), ("99999999999", 86400.0), ("soon", None), ("-5", None), ("", None)],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Retry-After is seconds, a day at most; what is neither seconds nor a date is nothing."""
    assert retry_after(value) == seconds


def test_retry_after_date() -> None:
    """A date counts from now; one that is past means at once."""
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("Wed, 21 Oct 2099 07:28:00 GMT") == 86400.0
