"""The server as a process: what it runs, and how it ends."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from typing import Any, cast

import structlog
import uvicorn

from appealbus.core import ConfigError, JournalError
from appealbus.core.commands import Cli
from appealbus.core.fair_share import FairShare
from appealbus.core.management.viewing import missing, read_policy
from appealbus.core.serving import ClockWatch, Reception, Watchdog, relieve_collector
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.app import application
from appealbus.plugins.api.connection import Connection
from appealbus.plugins.api.exchange import LARGEST_HEAD
from appealbus.plugins.api.files import room_for
from appealbus.plugins.api.mounting import mount_pages
from appealbus.plugins.api.security import context
from appealbus.plugins.api.settings import ApiSettings
from appealbus.plugins.monitor.settings import ListenAddress

log = structlog.get_logger(__name__)

_BACKLOG = 512
_KEEP_ALIVE = 30
"""Seconds that a connection may have nothing to do: longer than the pauses of a client that polls."""

_STUCK = 30.0
"""Seconds that a plugin may hold the event loop, as in the bus; then the process ends, to be started again."""


async def serve(cli: Cli, settings: ApiSettings) -> None:
    """Serve until told to end, or until the journal can be worked no more.

    Raises:
        ConfigError: the address, a certificate or the policy is wrong.
        JournalError: the journal cannot be opened, is an older copy, or a newer release migrates it.

    """
    bus = cli.loaded.settings.bus
    tls = context(settings)
    policy = read_policy(cli.loaded, cli.host)
    for warning in cli.loaded.open_secrets():
        log.warning("config.secret_open", reason=warning)
    async with (
        cli.journal(write=True) as journal,
        aclosing(Reception(journal, bus, cli.host.counting.due_on, policy)) as reception,
    ):
        if lacks := await missing(journal, cli.loaded, policy):
            log.warning("policy.changes_missing", reason=lacks)
        api = Api(settings, cli.loaded, policy, journal, reception, cli.host)
        Watchdog(cli.host, _STUCK).start()
        await mount_pages(api)
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        with _listening(settings.address) as listener:
            _show_metrics(api)
            port = listener.getsockname()[1]
            relieve_collector()
            log.info("api.started", port=port)
            cli.err.print(f"serving on {'https' if tls else 'http'}://{ListenAddress(settings.address.host, port)}")
            await run(api, tls, listener, told)
        log.info("api.stopped")


async def run(api: Api, tls: ssl.SSLContext | None, listener: socket.socket, told: asyncio.Event) -> None:
    """Answer on a socket until told to end, and then what is under way.

    Raises:
        JournalError: the journal can be worked no more.

    """
    server, watch = _Server(_configured(api, tls)), ClockWatch(api.journal)
    beside = [
        asyncio.create_task(each) for each in (watch.run(), api.tail.run(), api.reads.run(), api.credentials.run())
    ]
    serving = asyncio.create_task(server.serve([listener]))
    ends = [asyncio.create_task(each) for each in (told.wait(), watch.over())]
    try:
        await asyncio.wait((serving, *ends, *beside), return_when=asyncio.FIRST_COMPLETED)
        log.info("api.draining")
        api.draining.set()
        server.should_exit = True
        await serving
        for task in (*ends, *beside):
            if task.done():
                task.result()  # a journal that can be worked no more, or a defect
    finally:
        for task in (*ends, *beside):
            task.cancel()
        await asyncio.wait((*ends, *beside))
        for figures in api.figures:
            figures.end()
        await api.masker.aclose()
        with contextlib.suppress(JournalError):
            await api.reads.flush()


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _configured(api: Api, tls: ssl.SSLContext | None) -> uvicorn.Config:
    settings = api.settings
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # what it says of connections, we say in words
    connection = partial(
        Connection,
        patience=settings.patience,
        share=FairShare(room_for(settings.connections), spread=3),
        proxies=settings.proxies,
        metrics=api.metrics,
    )
    return uvicorn.Config(
        cast("Any", application(api)),
        http=cast("type[asyncio.Protocol]", connection),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(api.bus.grace)),
        h11_max_incomplete_event_size=LARGEST_HEAD,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )


@contextlib.contextmanager
def _listening(address: ListenAddress) -> Iterator[socket.socket]:
    """Listen at an address as long as the block lasts."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.create_server(found[0][4][:2], family=found[0][0], backlog=_BACKLOG)
    except OSError as error:
        raise _cannot_listen("listen", address, error) from None
    with listener:
        yield listener


def _show_metrics(api: Api) -> None:
    if api.settings.metrics_listen is None:
        return
    address = ListenAddress.parse(api.settings.metrics_listen)
    try:
        api.metrics.serve(address)
    except OSError as error:
        raise _cannot_listen("metrics_listen", address, error) from None


def _cannot_listen(key: str, address: ListenAddress, error: OSError) -> ConfigError:
    reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "the address cannot be found"
    hint = "; another process has the port" if error.errno == errno.EADDRINUSE else ""
    return ConfigError(f"plugins.api.{key}: the server cannot listen on {address}: {reason}{hint}")
