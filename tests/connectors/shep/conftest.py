"""A gateway on 127.0.0.1, built on the server side of the channel."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings, ShepWire
from appealbus.core import Call, Request
from appealbus.plugins.simulator.messages import (
    GatewayRequest,
    RequestRefused,
    build_fault,
    build_response,
    read_request,
)

Answer = bytes | web.StreamResponse

QUESTION_ID = "0b0f3a3e-7a53-4c58-8f5e-0d2f4f7b9a11"


def echo(request: GatewayRequest) -> Answer:
    """Answer with the question's own content."""
    return build_response(request.payload, correlation_id=request.correlation_id)


@dataclass
class Gateway:
    """A strict gateway: what is not a valid request gets a fault, the rest what `answer` says."""

    url: str = ""
    answer: Callable[[GatewayRequest], Answer] = echo
    requests: list[GatewayRequest] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Serve one message."""
        body = await http.read()
        self.raw.append(body)
        self.headers.append(dict(http.headers))
        try:
            request = read_request(body)
        except RequestRefused as refused:
            return web.Response(status=500, body=build_fault(refused.code, refused.reason), content_type="text/xml")
        self.requests.append(request)
        answer = self.answer(request)
        return web.Response(body=answer, content_type="text/xml") if isinstance(answer, bytes) else answer


@pytest.fixture
async def gateway():
    """Run a gateway on a free port."""
    gateway = Gateway()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/bip-sync/", gateway.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    gateway.url = f"http://{host}:{port}/bip-sync/"
    yield gateway
    await runner.cleanup()


@pytest.fixture
async def wire(gateway):
    """Return a maker of started wires to the gateway, with the given settings."""
    http = HttpClient()
    made = []

    async def make(**settings):
        base = {"url": gateway.url, "service_id": "GBDFLUniversal_token", "sender_id": "TEST_SYSTEM"}
        wire = ShepWire("gbdfl", ShepSettings.model_validate(base | settings), http)
        made.append(wire)
        await wire.start()
        return wire

    yield make
    for wire in made:
        await wire.close()


@pytest.fixture
def ask():
    """Return a function that asks a wire."""

    async def ask(wire, content: etree._Element | None = None, seconds: float = 5.0):
        body = content if content is not None else etree.fromstring('<q xmlns="urn:q"><iin>750301100019</iin></q>')
        return await wire.call(Request(body), Call(QUESTION_ID, "WK-2026-000001", seconds))

    return ask
