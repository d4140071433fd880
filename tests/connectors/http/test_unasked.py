"""An answer belongs to the question that was put on its connection, or is not used."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from appealbus.connectors.http import HttpClient
from appealbus.connectors.http.client import LASTS, Doubts
from appealbus.connectors.http.connection import HttpConnection, QuestionBody
from appealbus.core.interfaces.link import LinkStatus
from appealbus.core.interfaces.wire import CallFailed
from appealbus.schemas.outcome import OutcomeKind
from tests.services.processes import PATIENCE


def said(body: str, *, head: str = "") -> bytes:
    """Return a whole response."""
    return f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass
class Server:
    """A server that does with its first connection as it is told, and answers `right` on all others."""

    first: Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    url: str = ""
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    spoken: asyncio.Event = field(default_factory=asyncio.Event)

    async def asked(self, reader: asyncio.StreamReader) -> None:
        """Wait for a question."""
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(len(b"<x/>"))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if self.connections == 1:
                await self.first(self, reader, writer)
            while True:
                await self.asked(reader)
                writer.write(said("right"))
        writer.close()


@asynccontextmanager
async def serving(
    first: Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Server]:
    """Yield a server."""
    told = Server(first)
    server = await asyncio.start_server(told.talk, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield told
    finally:
        server.close()
        await asyncio.sleep(0)


async def ask(http: HttpClient, server: Server) -> str:
    """Put a question; return the answer's body."""
    return (await http.post(server.url, b"<x/>", {}, timeout=PATIENCE)).body.decode()


def unasked(http: HttpClient, server: Server) -> int:
    """Return how often the server was found to speak unasked."""
    return sum(link.counts["unasked"] for link in http.links("", server.url))


@pytest.mark.parametrize("stray", [said("stray"), said("stray")[:30], b"stray"], ids=["whole", "begun", "garbage"])
async def test_an_unasked_answer_on_an_idle_connection(http: HttpClient, stray: bytes) -> None:
    """What comes while nothing is asked never becomes the next question's answer, and ends the reuse of connections."""

    async def first(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.asked(reader)
        writer.write(said("one"))
        await asyncio.sleep(0.05)
        writer.write(stray)
        with suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.5)
        server.spoken.set()
        writer.close()

    async with serving(first) as server:
        assert await ask(http, server) == "one"
        assert b"close" not in server.heads[0]
        await server.spoken.wait()
        assert [await ask(http, server) for _ in range(3)] == ["right"] * 3
        assert (server.connections, unasked(http, server)) == (4, 1)
        assert all(b"Connection: close" in head for head in server.heads[1:])
        (link,) = http.links("", server.url)
        assert (link.status, link.warning) == (LinkStatus.UP, True)


@pytest.mark.parametrize(
    "reply",
    [
        said("other") + said("mine"),
        said("other") + said("mine")[:20],
        said("other") + b"x",
        said("other", head="Connection: close\r\n") + said("mine"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nother\r\n0\r\n\r\n" + said("mine"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nother\r\n0\r\n\r\n4\r\nmine\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n" + said("mine"),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + said("other") + said("mine"),
    ],
)
async def test_more_than_one_answer(http: HttpClient, reply: bytes) -> None:
    """Of two answers to one question neither is used: nobody knows which is whose."""

    async def first(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.asked(reader)
        writer.write(reply)
        await reader.read(1)

    async with serving(first) as server:
        with pytest.raises(CallFailed) as caught:
            await ask(http, server)
        assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "http.unasked")
        assert await ask(http, server) == "right"
        assert unasked(http, server) == 1


async def test_an_answer_before_its_question(http: HttpClient) -> None:
    """What a server says before the question's first byte is not its answer; the question goes elsewhere, once."""

    async def first(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said("early"))
        await reader.read(1)

    async with serving(first) as server:
        # Until the question is written, the client's end of the connection is blind.
        loop = asyncio.get_running_loop()
        create = loop.create_connection

        async def slowly(*args: object, **options: object) -> object:
            made = await create(*args, **options)  # type: ignore[arg-type]
            await asyncio.sleep(0.1)
            return made

        loop.create_connection = slowly  # type: ignore[assignment, method-assign]
        try:
            assert await ask(http, server) == "right"
        finally:
            loop.create_connection = create  # type: ignore[method-assign]
        assert (len(server.heads), unasked(http, server)) == (1, 1)


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (said("one") + b"\r\n", "one"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" + said("one"), "one"),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\none", "one"),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\none\r\n", "one\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nX: y\r\n\r\n", "one"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"\r\n" + said("one"), "one"),
    ],
)
async def test_odd_answers_that_are_answers(http: HttpClient, reply: bytes, body: str) -> None:
    """Hints, trailers, line breaks, bare line feeds and old versions raise no doubt."""

    async def first(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.asked(reader)
        writer.write(reply)

    async with serving(first) as server:
        assert [await ask(http, server) for _ in range(2)] == [body, "right"]
        assert unasked(http, server) == 0


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("end", ["close", "abort", "408"])
async def test_an_idle_connection_that_ends(http: HttpClient, end: str, busy: bool) -> None:
    """A server may close an idle connection, in whatever way, and raises no doubt by that: nor if nobody looked yet."""

    async def first(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.asked(reader)
        writer.write(said("one"))
        await asyncio.sleep(0.05)
        if end == "408":
            writer.write(b"HTTP/1.1 408 Request Time-out\r\nConnection: close\r\n\r\n")
        (writer.transport.abort if end == "abort" else writer.close)()
        server.spoken.set()

    async with serving(first) as server:
        assert await ask(http, server) == "one"
        await server.spoken.wait()
        await asyncio.sleep(0 if busy else 0.05)
        try:
            answer = await ask(http, server)
        except CallFailed as failed:
            if not busy or failed.code != "http.reset":
                raise
            # The end was still on its way when the question left: the guard asks again.
            answer = await ask(http, server)
        assert answer == "right"
        assert (server.connections, unasked(http, server)) == (2, 0)


async def test_a_server_that_always_speaks_first(http: HttpClient) -> None:
    """Where every connection speaks before the question, nothing leaves, and the failure says why."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said("early"))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    create = loop.create_connection

    async def slowly(*args: object, **options: object) -> object:
        made = await create(*args, **options)  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        return made

    loop.create_connection = slowly  # type: ignore[assignment, method-assign]
    try:
        with pytest.raises(CallFailed) as caught:
            await http.post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"<x/>", {}, timeout=PATIENCE)
        assert caught.value.code == "http.unasked"
    finally:
        loop.create_connection = create  # type: ignore[method-assign]
        server.close()


async def test_connections_that_nobody_watches(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a version of aiohttp that makes its connections otherwise nothing leaves, and the failure says so."""
    monkeypatch.setattr("appealbus.connectors.http.client.HttpConnection", ResponseHandler)
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        with pytest.raises(CallFailed) as caught:
            await http.post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"<x/>", {}, timeout=PATIENCE)
        assert (caught.value.code, b"".join(heads)) == ("http.unwatched", b"")
    finally:
        server.close()


async def test_a_connection_for_each_question(http: HttpClient) -> None:
    """Who asks alone shares its connection with no other question, and the reply says so."""

    async def first(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.asked(reader)
        writer.write(said("right"))

    async with serving(first) as server:
        for shared in (True, False, False):
            reply = await http.post(server.url, b"<x/>", {}, timeout=PATIENCE)
            assert reply.alone is shared
        before = server.connections
        for _ in range(3):
            assert (await http.post(server.url, b"<x/>", {}, timeout=PATIENCE, alone=True)).alone
        assert server.connections == before + 3


def test_doubt_ends() -> None:
    """After an hour without a stray answer a server's connections are used again; the count stays."""
    now = 0.0
    doubts, server = Doubts(lambda: now), URL("http://127.0.0.1:1")
    assert doubts.links("x", server) == ()
    doubts.tell(server, "x")
    assert server in doubts
    assert URL("http://127.0.0.1:2") not in doubts
    now = LASTS
    assert server not in doubts
    (link,) = doubts.links("x", server)
    assert (link.name, link.counts, link.warning) == ("http.x", {"unasked": 1}, False)


class Wire(asyncio.Transport):
    """The far end of a connection, for feeding it byte by byte."""

    closing = False

    def is_closing(self) -> bool:
        """Say whether the connection was closed."""
        return self.closing

    def close(self) -> None:
        """Close."""
        self.closing = True


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + said("one\r\n"),
        b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\r\none\r\n2\r\n\r\n\r\n0\r\nX: y\r\n\r\n",
    ],
)
async def test_however_it_is_cut(reply: bytes) -> None:
    """Wherever the network cuts an answer, its end is found to the byte."""
    told: list[int] = []
    for surplus in (b"", b"HTTP/1.1 200 OK"):
        for cut in range(1, len(reply) + 1):
            connection, wire = HttpConnection(asyncio.get_running_loop()), Wire()
            connection.connection_made(wire)
            connection.set_response_params(auto_decompress=False)
            asked = QuestionBody(b"", lambda: told.append(1))
            assert connection.ask(asked)
            connection.data_received(reply[:cut])
            if cut < len(reply):
                connection.data_received(reply[cut:] + surplus)
            elif surplus:
                connection.data_received(surplus)
            assert (asked.doubted, wire.closing) == (bool(surplus), bool(surplus)), (cut, surplus)
            while (message := (await connection.read()))[0].code < 200:
                pass
            assert await message[1].read() == b"one\r\n"
    assert len(told) == len(reply)
