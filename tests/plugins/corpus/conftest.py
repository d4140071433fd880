"""The gateway of these tests."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.plugins.corpus.kit import Gateway


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """Yield a gateway that listens."""
    served = Gateway()
    app = web.Application()
    app.router.add_post("/bip-sync/", served.handle)
    async with TestServer(app) as server:
        served.url = str(server.make_url("/bip-sync/"))
        yield served
