"""What the tests of wires share: a real HTTP server that answers as it is told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.core.interfaces.wire import Call

REGISTER = Path(__file__).parent / "soap" / "register.wsdl"


@dataclass
class Peer:
    """A server on 127.0.0.1. `answer` makes the next answers; `seen` keeps what came."""

    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | web.Response | None = None
    url: str = ""
    seen: list[tuple[web.Request, bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request, await request.read()))
        if callable(self.answer):
            return await self.answer(request)
        told = self.answer
        assert told is not None
        return web.Response(status=told.status, headers=told.headers, body=told.body)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """Yield a server."""
    peer = Peer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", peer.handle)
    async with TestServer(app) as server:
        peer.url = str(server.make_url("/"))
        yield peer


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    """Yield a client."""
    client = HttpClient()
    client.open()
    yield client
    await client.close()


@pytest.fixture
async def wires(http: HttpClient, peer: Peer) -> AsyncIterator[Callable[..., Awaitable[SoapWire]]]:
    """Yield a function that starts a SOAP wire to the server, with settings."""
    started: list[SoapWire] = []

    async def start(**settings: object) -> SoapWire:
        made = SoapSettings.model_validate({"wsdl": REGISTER, "url": peer.url, **settings})
        wire = SoapWire("register", made, http)
        await wire.start()
        started.append(wire)
        return wire

    yield start
    for wire in started:
        await wire.close()


@pytest.fixture
def call() -> Call:
    """Return what a wire may know of a question."""
    return Call(question_id="7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c", number="2026-000042", timeout=60.0)
