"""A gateway on 127.0.0.1 that takes and answers as a test says."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings, ShepWire
from appealbus.core import Call, Request
from tests.connectors.shep.answers import Question, answer, read_question

Answer = bytes | web.StreamResponse

QUESTION_ID = "0b0f3a3e-7a53-4c58-8f5e-0d2f4f7b9a11"


def echo(question: Question) -> Answer:
    """Answer with the question's own content."""
    return answer(question.content, correlation_id=question.correlation_id)


@dataclass
class Gateway:
    """It answers what `answer` says, and keeps what it was asked."""

    url: str = ""
    answer: Callable[[Question], Answer] = echo
    requests: list[Question] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Serve one message."""
        body = await http.read()
        self.raw.append(body)
        self.headers.append(dict(http.headers))
        self.requests.append(read_question(body))
        answer = self.answer(self.requests[-1])
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
