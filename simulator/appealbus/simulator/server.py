"""The simulator as a server: in the loop of a test or of the demonstration, or for `appealbus simulate`."""

import ipaddress
from typing import Self

import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import MAIN, AmqpSettings
from appealbus.connectors.amqp.topology import WantedTopology
from appealbus.connectors.broker.broker import Broker, BrokerUnreachable
from appealbus.simulator.gateway import Gateway
from appealbus.simulator.population import Population
from appealbus.simulator.queueing import QueueAgency
from appealbus.simulator.service import SimulatedService, Stats
from appealbus.simulator.settings import Misbehaviour, SimulatorSettings

log = structlog.get_logger(__name__)

PATH = "/bip-sync/"
_CONNECT = 30.0
"""Seconds: a broker started together with the simulator needs some twenty."""
_LARGEST_REQUEST = 2 * 1024 * 1024
"""Bytes: a query has a few thousand, and a broken client must not fill the memory."""


class Simulator:
    """A SHEP gateway with ГБД ФЛ, ГБД ЮЛ and ЕГКН, and the address register on a message broker.

    Use it as `async with Simulator(SimulatorSettings()) as simulator:` and send messages to `simulator.url`.
    """

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self.population = Population(self.settings.seed, self.settings.size)
        self.stats = Stats()
        self.base_url = ""
        self._gateway: Gateway | None = None
        self._register: QueueAgency | None = None
        self._brokers: Brokers | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """URL of the gateway's synchronous channel, once started."""
        return self.base_url + PATH

    async def start(self) -> None:
        self._gateway = Gateway(self.settings, self.population, self.stats)
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.router.add_post(PATH, self._gateway.send_message)
        app.router.add_get(PATH, _presence)
        app.router.add_post("/control", self._control)
        app.router.add_get("/stats", self._stats_page)
        # Not unpacked: a broken archive would be told as HTTP 500 without a fault, and a small one may be of gigabytes.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0, auto_decompress=False
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.host, self.settings.port, backlog=1024)
        await site.start()
        port = self._runner.addresses[0][1]
        host = self.settings.host
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        if self.settings.address.broker is not None:
            self._brokers = Brokers(AmqpSettings(brokers={MAIN: self.settings.address.broker}))
            await self._brokers.start(self._brokers.get(), WantedTopology())
            await self.take_questions(self._brokers.get())
        log.debug("simulator.started", port=port, seed=self.settings.seed, size=self.settings.size)

    async def take_questions(self, broker: Broker) -> None:
        """Consume queries for the address register from a started broker; raise BrokerError if it fails."""
        if not await broker.up(_CONNECT):
            raise BrokerUnreachable(next((link.detail for link in broker.links() if link.detail), "no connection"))
        settings = self.settings
        self._register = QueueAgency(settings.address, settings.seed, self.population, self.stats, broker)
        await self._register.start()

    async def close(self) -> None:
        """Stop listening and release all waiting requests. Idempotent."""
        if self._register is not None:
            await self._register.close()
            self._register = None
        if self._brokers is not None:
            await self._brokers.close(self._brokers.get())
            self._brokers = None
        if self._gateway is not None:
            self._gateway.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def misbehave(self, service: str, rules: Misbehaviour | None = None) -> None:
        """Set the misbehaviour of a service (`gbdfl`, `gbdul`, `egkn`, `address`); None: none."""
        services = self._services
        if service not in services:
            raise ValueError(f"no such service; there are {', '.join(services)}")
        services[service].misbehave(rules or Misbehaviour())

    @property
    def _services(self) -> dict[str, SimulatedService]:
        services = self._running().services
        return services if self._register is None else services | {"address": self._register.service}

    def _running(self) -> Gateway:
        if self._gateway is None:
            raise RuntimeError("the simulator is not started")
        return self._gateway

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _control(self, request: web.Request) -> web.Response:
        """Set misbehaviour from `{"gbdfl": {"http_502": 0.1}, …}`; values not given are reset for these services."""
        _local_only(request)
        try:
            asked = orjson.loads(await request.read())
            rules = {name: Misbehaviour.model_validate(value) for name, value in asked.items()}
        except (ValueError, AttributeError, ValidationError) as error:
            reason = (
                error.errors(include_url=False, include_context=False) if isinstance(error, ValidationError) else []
            )
            return _json({"error": "write {service: {misbehaviour: value}}", "detail": reason}, status=400)
        unknown = sorted(set(rules) - set(self._services))
        if unknown:
            return _json({"error": f"no such service; there are {', '.join(self._services)}"}, status=400)
        for name, value in rules.items():
            self.misbehave(name, value)
        return _json({name: service.rules.model_dump(mode="json") for name, service in self._services.items()})

    async def _stats_page(self, request: web.Request) -> web.Response:
        """Return counts by service; with `?ids=1` also the ids of the latest messages."""
        _local_only(request)
        return _json(self.stats.as_json(ids=request.query.get("ids") == "1"))


async def _presence(request: web.Request) -> web.Response:
    """Answer health checks."""
    return web.Response(text="SHEP simulator: POST a SendMessage here\n")


def _local_only(request: web.Request) -> None:
    if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104 - not an address to bind to
        raise web.HTTPForbidden(text="only from this machine")


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value, default=str), content_type="application/json")
