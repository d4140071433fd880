"""What the tests of lookups share: a SHEP gateway on 127.0.0.1 that gives the answer which the test laid in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.shep.wire import ShepWire
from appealbus.core import Call, Lookup, Outcome, Query, Shape, Source
from appealbus.simulator.messages import GatewayRequest, build_response, read_request


class Gateway:
    """Answers every question with `answer`, laid into `data` in the given shape, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer = ""
        self.shape = Shape.CHILD
        self.asked: list[GatewayRequest] = []
        self.wire: Any = None

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one message."""
        asked = read_request(await request.read())
        self.asked.append(asked)
        body = build_response(
            etree.fromstring(self.answer), shape=self.shape, correlation_id=asked.correlation_id, code="SCSS001"
        )
        return web.Response(body=body, content_type="text/xml")

    async def ask(self, lookup: Lookup[Any, Any], query: Query) -> Outcome[Any]:
        """Put a lookup's question through the real connector."""
        call = Call(question_id="7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c", number="TEST-1", timeout=60.0)
        return await lookup.ask(query, Source(lookup.source, self.wire, call))

    @property
    def question(self) -> etree._Element:
        """The business content of the last question."""
        return self.asked[-1].payload


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """Yield a gateway that listens, with a wire to it."""
    served = Gateway()
    app = web.Application()
    app.router.add_post("/bip-sync/", served.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    table = {"url": f"http://127.0.0.1:{port}/bip-sync/", "service_id": "TEST", "sender_id": "TEST"}
    settings = ShepSettings.model_validate(table | {"data_signature": {"sign": "none"}})
    served.wire = ShepWire("test", settings, HttpClient())
    await served.wire.start()
    yield served
    await served.wire.close()
    await runner.cleanup()
