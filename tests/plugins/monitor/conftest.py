"""What the tests of the monitor share: a real bus with the monitor in it, and a client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from appealbus.core import From
from appealbus.core.bus.bus import Bus
from appealbus.core.loading.host import Plugin
from appealbus.plugins.monitor.service import Monitor
from appealbus.plugins.monitor.settings import ListenAddress
from tests.core.kit import Receiver, lookup, running_bus
from tests.services.processes import PATIENCE

Samples = dict[tuple[str, ...], float]


class Watched:
    """A bus that is watched."""

    def __init__(self, bus: Bus, monitor: Monitor, client: ClientSession) -> None:
        self.bus = bus
        self.monitor = monitor
        self.client = client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.monitor.port}"

    async def json(self, path: str) -> tuple[int, Any]:
        """Return status and document."""
        async with self.client.get(self.url + path) as reply:
            return reply.status, await reply.json()

    async def page(self) -> str:
        """Return the page of metrics."""
        async with self.client.get(self.url + "/metrics") as reply:
            assert reply.status == 200
            return await reply.text()

    async def samples(self) -> Samples:
        """Return the page's values by name and label values, in the order of the labels' names."""
        found: Samples = {}
        for family in text_string_to_metric_families(await self.page()):
            for name, labels, value, *_ in family.samples:
                found[name, *(labels[label] for label in sorted(labels))] = value
        return found

    async def until(self, true: Callable[[Samples], bool]) -> Samples:
        """Wait until the page says so: what the journal holds is a second old at most."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.samples()
                if true(found):
                    return found
                await asyncio.sleep(0.1)


@asynccontextmanager
async def _watched(folder: Path, max_loop_lag: float = 5.0, **given: Any) -> AsyncIterator[Watched]:
    Receiver.got.clear()
    Receiver.broken.clear()
    monitor = Monitor(ListenAddress("127.0.0.1", 0), max_loop_lag)
    given.setdefault("deliveries", {"registry": {"kind": "receiver"}})
    thing = lookup("s.thing", x=From("repeats[*]"))
    async with ClientSession() as client, running_bus(folder, thing, **given) as bus:
        bus.parts.host.plugins.append(Plugin("monitor", "1", "test", brought={"services": [monitor]}))
        bus.open_doors()
        async with asyncio.timeout(PATIENCE):
            while monitor.port is None:
                await asyncio.sleep(0.01)
        yield Watched(bus, monitor, client)
    Receiver.broken.clear()


@pytest.fixture
def watched() -> Callable[..., AbstractAsyncContextManager[Watched]]:
    """Run a bus with a monitor over a real journal."""
    return _watched
