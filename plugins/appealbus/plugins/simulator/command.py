"""`appealbus simulate`."""

import asyncio
import errno
import signal
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from appealbus.core.config.problems import options
from appealbus.plugins.simulator.population import MAX_SIZE
from appealbus.plugins.simulator.settings import ROUGH, Misbehaviour, SimulatorSettings

SERVICES = ("gbdfl", "gbdul", "egkn")
_DEFAULT_PORT = 8095
_ORDERS = Misbehaviour.model_fields.keys() - {"outages"}

_HELP = """Run simulated agencies: a SHEP gateway with ГБД ФЛ, ГБД ЮЛ and ЕГКН behind it, over real HTTP.

They know a synthetic population that follows from --seed and --size alone; no identifier in it is of anyone alive.
What it prints is TOML: paste it into your configuration to ask them.

Let them misbehave with --misbehave SERVICE.WHAT=VALUE, as often as you like; SERVICE is gbdfl, gbdul, egkn or all.
Durations: latency, latency_tail, latency_max (0.2, 500ms, 2s). Probabilities from 0 to 1: fault, status, http_500,
http_502, empty, truncated, wrong_types, wrong_namespace, oversized, entity_bomb, silent, cut, repeated, doubled.

Example: appealbus simulate --misbehave all.latency=50ms --misbehave egkn.http_502=0.1

While it runs: GET /stats tells what was asked; POST /control with {"egkn": {"silent": 1}} changes the behaviour (both
from this machine only). Outages and the rest are settings of [plugins.simulator]. Ctrl-C ends it.
"""


def add_simulate(app: typer.Typer, settings: SimulatorSettings) -> None:
    """Add the command; the settings of the configuration are its defaults."""

    @app.command(help=_HELP)
    def simulate(
        *,
        host: Annotated[str, typer.Option(help="Address to listen on.")] = settings.host,
        port: Annotated[
            int, typer.Option(help="Port to listen on; 0: any that is free.", min=0, max=65535)
        ] = settings.port or _DEFAULT_PORT,
        size: Annotated[int, typer.Option(help="How many persons there are.", min=1, max=MAX_SIZE)] = settings.size,
        seed: Annotated[int, typer.Option(help="Population and chance follow from it.")] = settings.seed,
        misbehave: Annotated[
            list[str] | None, typer.Option(metavar="SERVICE.WHAT=VALUE", help="How to misbehave; see above.")
        ] = None,
        rough: Annotated[bool, typer.Option("--rough", help="A little of every misbehaviour in all services.")] = False,
    ) -> None:
        changed: dict[str, Any] = {"host": host, "port": port, "size": size, "seed": seed}
        try:
            asyncio.run(_serve(with_misbehaviour(settings.model_copy(update=changed), misbehave or [], rough=rough)))
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            why = "the port is in use; choose another with --port" if busy else error.strerror
            typer.echo(f"cannot listen on {host}:{port}: {why}", err=True)
            raise typer.Exit(2) from None


def with_misbehaviour(settings: SimulatorSettings, orders: list[str], *, rough: bool = False) -> SimulatorSettings:
    """Return the settings with the orders of the command line applied.

    Raises:
        typer.BadParameter: an order that cannot be read, with what to write instead.

    """
    rules: dict[str, dict[str, Any]] = {
        name: (ROUGH if rough else getattr(settings, name).misbehaviour).model_dump() for name in SERVICES
    }
    for order in orders:
        target, _, value = order.partition("=")
        service, _, what = target.partition(".")
        if not (service and what and value):
            raise typer.BadParameter(f"{order!r}: write SERVICE.WHAT=VALUE, such as egkn.http_502=0.1")
        if service not in (*SERVICES, "all"):
            raise typer.BadParameter(f"no service {service!r}; {options((*SERVICES, 'all'), service)}")
        if what not in _ORDERS:
            raise typer.BadParameter(f"no misbehaviour {what!r}; {options(_ORDERS, what)}")
        for name in SERVICES if service == "all" else (service,):
            rules[name][what] = value
    try:
        services = {
            name: getattr(settings, name).model_copy(update={"misbehaviour": Misbehaviour.model_validate(values)})
            for name, values in rules.items()
        }
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise typer.BadParameter(told) from None
    return settings.model_copy(update=services)


def snippet(settings: SimulatorSettings, url: str) -> str:
    """Return the `[sources]` of a configuration that asks the simulator."""
    tables = []
    for name in SERVICES:
        tables += [
            f"[sources.{name}]",
            'connector = "shep"',
            f'url = "{url}"',
            f'service_id = "{getattr(settings, name).service_id}"',
            f'sender_id = "{settings.sender_id}"',
        ]
        if settings.password is not None:
            tables.append('password = { env = "SIMULATOR_PASSWORD" }')
        tables.append("")
    return "\n".join(tables)


async def _serve(settings: SimulatorSettings) -> None:
    # Imported here: every other command would pay for the HTTP server too.
    from appealbus.plugins.simulator.server import PATH, Simulator

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Simulator(settings) as simulator:
        typer.echo(f"# Simulated agencies listen on {simulator.base_url}{PATH}")
        typer.echo(f"# Population: {settings.size} persons, seed {settings.seed}. Ctrl-C ends it.\n")
        typer.echo(snippet(settings, simulator.url))
        await stop.wait()
