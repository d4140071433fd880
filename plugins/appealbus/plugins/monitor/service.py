"""The monitor's HTTP server."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import ClassVar

import orjson
import structlog
from aiohttp import web

from appealbus.core import JournalError, RunningBus, Service
from appealbus.plugins.monitor.lag import LoopLag
from appealbus.plugins.monitor.metrics import CONTENT_TYPE, Holdings, Page
from appealbus.plugins.monitor.settings import ListenAddress
from appealbus.plugins.monitor.shared_result import SharedResult

log = structlog.get_logger(__name__)

_FRESH = 1.0
"""Seconds for which one reading of the journal serves all requests."""
_DUE_FRESH = 15.0
"""Seconds between readings of due appeals and of warnings, each of which may take a tenth of a second."""
_PATIENCE = 4.0
"""Seconds. Probes give up after five, and should get the reason before that."""
_RECENT = 15.0
"""Seconds. Interval of the probes in deploy/, so that no stall is missed."""
_MINUTE = 60.0
"""Seconds. Window of the worst lag, between two scrapes."""
_CONNECTION = 15.0
"""Lifetime of a connection in seconds; each serves one request."""
_SMALL = 8192
"""Bytes of a request. Probes and scrapers send a few hundred."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Monitor(Service):
    """Serves GET on three paths. It shows no personal data and has no access control: for internal networks only."""

    name: ClassVar[str] = "monitor"
    through_drain: ClassVar[bool] = True

    def __init__(self, listen: ListenAddress, max_loop_lag: float) -> None:
        self._listen = listen
        self._max_lag = max_loop_lag
        self.port: int | None = None
        """Port while listening, else None."""

    async def run(self, bus: RunningBus) -> None:
        number = bus.worker_number
        served = _Served(bus, number, self._max_lag)
        app = web.Application(client_max_size=_SMALL, middlewares=[_one_request_each])
        app.router.add_get("/healthz", served.healthz)
        app.router.add_get("/readyz", served.readyz)
        app.router.add_get("/metrics", served.metrics)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, max_line_size=_SMALL, max_field_size=_SMALL)
        await runner.setup()
        address = self._listen.of_worker(number)
        try:
            try:
                server = await _listen(runner, address)
            except OSError as error:
                reason = os.strerror(error.errno).lower() if error.errno else "the address cannot be found"
                log.error("monitor.cannot_listen", port=address.port, reason=reason)
                raise
            self.port = server.sockets[0].getsockname()[1]
            log.info("monitor.started", port=self.port)
            try:
                await served.lag.run()
            finally:
                self.port = None
                server.close()
        finally:
            await runner.cleanup()
            await served.close()


async def _listen(runner: web.AppRunner, address: ListenAddress) -> asyncio.Server:
    """Listen with a limited lifetime of connections, as a silent client would hold one for ever."""
    loop = asyncio.get_running_loop()
    make = runner.server
    assert make is not None  # noqa: S101 - the runner is set up

    def connection() -> asyncio.Protocol:
        handler = make()
        loop.call_later(_CONNECTION, handler.force_close)
        return handler

    return await loop.create_server(connection, address.host, address.port, backlog=64)


@web.middleware
async def _one_request_each(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.force_close()
    return response


class _Served:
    def __init__(self, bus: RunningBus, number: int, max_lag: float) -> None:
        self.lag = LoopLag()
        self._bus = bus
        self._max_lag = max_lag
        self._page = Page(bus, number)
        self._probe = SharedResult(bus.journal.probe, fresh=_FRESH, patience=_PATIENCE)
        self._due = SharedResult(bus.due_soon, fresh=_DUE_FRESH, patience=_PATIENCE)
        self._warned = SharedResult(bus.journal.warned, fresh=_DUE_FRESH, patience=_PATIENCE)
        self._held = SharedResult(self._holdings, fresh=_FRESH, patience=_PATIENCE)

    async def healthz(self, request: web.Request) -> web.Response:
        """Report liveness: the process answers, and its event loop is not repeatedly stuck."""
        late = self.lag.worst(_RECENT)
        ok = late <= self._max_lag
        return _json({"status": "ok" if ok else "ill", "event_loop_lag_seconds": round(late, 3)}, ok=ok)

    async def readyz(self, request: web.Request) -> web.Response:
        """Report readiness: whether the bus can accept and process appeals, else why not."""
        checks = await self._bus.checks(self._probe.get)
        ready = all(check.ok for check in checks if check.needed)
        status = "unready" if not ready else "ready" if all(check.ok for check in checks) else "degraded"
        return _json({"status": status, "checks": checks}, ok=ready)

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the metrics; without journal metrics if the journal does not answer."""
        held: Holdings | None
        try:
            held = await self._held.get()
        except (JournalError, TimeoutError):
            held = None
        return web.Response(
            body=self._page.render(held, self.lag.worst(_MINUTE)), headers={"Content-Type": CONTENT_TYPE}
        )

    async def close(self) -> None:
        await asyncio.gather(self._probe.close(), self._held.close(), self._due.close(), self._warned.close())

    async def _holdings(self) -> Holdings:
        journal = self._bus.journal
        warned = {(row.channel, row.code): row.share for row in await self._warned.get()}
        return Holdings(await journal.counts(), await journal.next_due(), await self._due.get(), warned)


def _json(value: object, *, ok: bool) -> web.Response:
    return web.Response(status=200 if ok else 503, body=orjson.dumps(value), content_type="application/json")
