"""`appealbus demo --console`: runs the bus and a console until stopped, while agencies and receivers fail in turn."""

import asyncio
import contextlib
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.broker.broker import Argument, Broker, Consumer, Delivered
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.cli.context import Cli
from appealbus.core.domain.client import Role
from appealbus.core.journal import figures
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build
from appealbus.core.logs import configure
from appealbus.core.process.runtime import relieve_collector
from appealbus.core.rights.policy import read_policy
from appealbus.demo import oversight
from appealbus.demo.setting import ARCHIVE, MISBEHAVIOUR, MODELS, OUT, RECEPTION, ROADS, contour, live_document, toml
from appealbus.demo.traffic import FIRST, Traffic
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.mounting import mount_pages
from appealbus.plugins.api.server import run as serve
from appealbus.plugins.api.settings import ApiSettings
from appealbus.plugins.console.command import make_link
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Misbehaviour

_DOWN = Misbehaviour(http_502=1.0)
_MOODS: Sequence[tuple[str, Misbehaviour, float]] = (
    ("egkn", _DOWN, 240),
    ("gbdul", Misbehaviour(latency=0.3, latency_tail=0.2, latency_max=3, status=0.3, cut=0.2), 180),
    ("egkn", Misbehaviour(latency=0.05, wrong_types=0.4, wrong_namespace=0.2), 180),
    ("gbdfl", Misbehaviour(latency=0.4, latency_tail=0.3, latency_max=3, fault=0.4), 180),
    ("address", Misbehaviour(silent=1.0), 120),
)
"""Agency, failure and seconds, in turn; the previous agency recovers."""
_KEEPS = 100
"""Maximum number of messages in a receiver's queue, the newest; nobody reads them here."""
_FULL = 40
"""Messages at which the queue of `roads` is full."""
_SHUT, _OPEN = 200.0, 100.0
"""Seconds for which `roads` takes nothing, and everything."""

PEOPLE = {"aigul": Role.OPS, "dana": Role.REVIEWER, "serik": Role.AUDITOR}
"""Users of the console."""
_PATIENCE = 60.0
"""Seconds for processing the first letters: 800 take some ten."""
_LOOK = 0.5
"""Seconds between two checks for completion."""


async def receive(brokers: Brokers) -> None:
    """Declare the queues of channels and receivers on started brokers."""
    await brokers.get().declare_queue(RECEPTION)
    for name, broker in (("register", brokers.get()), (ROADS, brokers.get(ROADS)), (ARCHIVE, brokers.get(ARCHIVE))):
        kept: dict[str, Argument] = {"x-max-length": _KEEPS}
        if name == ROADS:
            kept = {"x-max-length": _FULL, "x-overflow": "reject-publish"}
        await broker.declare_queue(f"out.{name}", kept)
        await broker.bind_queue(f"out.{name}", OUT, "#")


async def be_moody(simulator: Simulator) -> None:
    """Make one agency after the other fail, until cancelled."""
    for service, rules in MISBEHAVIOUR.items():
        simulator.misbehave(service, rules)
    while True:
        for service, rules, seconds in _MOODS:
            simulator.misbehave(service, rules)
            await asyncio.sleep(seconds)
            simulator.misbehave(service, MISBEHAVIOUR[service])


async def open_and_shut(broker: Broker) -> None:
    """Empty the queue of `roads` at times, until cancelled."""
    while True:
        await asyncio.sleep(_SHUT)
        taking: Consumer = await broker.consume(f"out.{ROADS}", _take, prefetch=20)
        try:
            await asyncio.sleep(_OPEN)
        finally:
            await taking.stop(1.0)


async def _take(delivered: Delivered) -> None:
    delivered.ack()


async def run(shell: Cli, folder: Path, listener: socket.socket) -> None:
    """Run until Ctrl-C or SIGTERM.

    Args:
        shell: for output.
        folder: with the configuration, which other commands may use.
        listener: socket of the console's server.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings, signatures = contour(folder)
    shell.out.print(signatures)
    async with Simulator(settings) as simulator:
        port = listener.getsockname()[1]
        file = folder / "appealbus.toml"
        file.write_text("\n".join(toml(live_document(folder, simulator.url, settings, port))), encoding="utf-8")
        cli = Cli(file)
        configure(cli.loaded.settings.log.level, cli.loaded.settings.log.format)
        async with cli.journal(write=True) as journal:
            await journal.hold_run_lock()
            served = journal.acting(journal.actor)  # a person's; the bus has its own name
            await oversight.past(journal)  # before the watch for surges begins, which judges the last week then
            async with running(cli, simulator, journal) as traffic:
                relieve_collector()
                await _welcome(shell, cli, served, port)
                async with _meanwhile(be_moody(simulator), _letters(traffic, journal)):
                    await _serve(cli, served, listener, stop)
    shell.out.print("ended")


@asynccontextmanager
async def running(cli: Cli, simulator: Simulator, journal: Journal) -> AsyncIterator[Traffic]:
    bus = Bus(cli.loaded, build(cli.loaded, cli.host), journal)
    brokers = cli.host.shared("amqp")
    if not isinstance(brokers, Brokers):
        raise TypeError("another plugin is called amqp")
    ours = [brokers.get(), brokers.get(ROADS), brokers.get(ARCHIVE)]
    for broker in ours:
        await brokers.start(broker)  # with the exchanges and queues that a bus has
    try:
        await receive(brokers)
        await simulator.take_questions(brokers.get())
        await bus.start()
        try:
            bus.open_doors()
            async with _meanwhile(open_and_shut(brokers.get(ROADS))):
                yield Traffic(brokers.get(), journal, simulator.population)
        finally:
            await bus.stop()
    finally:
        for broker in ours:
            await brokers.close(broker)


@asynccontextmanager
async def _meanwhile(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in works]
            yield
            for task in tasks:
                task.cancel()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _letters(traffic: Traffic, journal: Journal) -> None:
    await traffic.begin()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await worked(journal)
    await traffic.go_on()


async def worked(journal: Journal) -> None:
    while True:
        counts = await journal.ask(figures.counts)
        if not counts.ready and not counts.in_work and counts.idle + counts.parked > FIRST:
            return
        await asyncio.sleep(_LOOK)


async def _serve(cli: Cli, journal: Journal, listener: socket.socket, stop: asyncio.Event) -> None:
    policy = read_policy(cli.loaded, cli.host)
    async with aclosing(Reception(journal, cli.loaded.settings.bus, cli.host.counting.due_on, policy)) as reception:
        settings = cli.loaded.validate(ApiSettings, "plugins", "api")
        api = Api(settings, cli.loaded, policy, journal, reception, cli.host)
        await mount_pages(api)
        await serve(api, None, listener, stop)


async def _welcome(shell: Cli, cli: Cli, journal: Journal, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    shell.out.print("A demonstration, on this machine alone: people, letters and agencies are made up.")
    shell.out.print(f"{' and '.join(sorted(MODELS))} answer by models of ours: no contract of theirs is published.")
    shell.out.print(f"The console is at {url}/console. Each of these links signs in once, within ten minutes:")
    for name, role in PEOPLE.items():
        link = await make_link(cli, journal, name, role)
        shell.out.print(f"  {role:<9} {url}/console/enter?link={link}")
    program = shutil.which("appealbus") or f"{Path(sys.prefix)}/bin/appealbus"
    shell.out.print("Another one, while this runs:")
    shell.out.print(f"  {program} --config {cli.loaded.file} console link --role ops --actor aigul")
    shell.out.print(
        "Letters of fourteen weeks are worked first, then new ones come by themselves. Agencies and receivers "
        "misbehave on purpose: errors belong to it. What is done is deleted after three days. Ctrl-C ends it, and "
        "deletes all but a folder of --keep; below is what the log says."
    )
