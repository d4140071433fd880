"""`appealbus simulate`."""

import asyncio
import errno
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer
from pydantic import ValidationError

from appealbus.connectors.broker.broker import BrokerError
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import ConfigError, Secret
from appealbus.core.cli.terminal import say
from appealbus.schemas.suggestion import did_you_mean
from appealbus.simulator.population import MAX_SIZE
from appealbus.simulator.settings import ROUGH, AddressService, Algorithm, Misbehaviour, SimulatorSettings
from appealbus.simulator.sources import GATEWAY, snippet

SERVICES = (*GATEWAY, "address")
_DEFAULT_PORT = 8095
"""Differs from common development ports (8000, 8080, 8888)."""
_ORDERS = Misbehaviour.model_fields.keys() - {"outages"}

_HELP = """Run simulated agencies: a SHEP gateway with ГБД ФЛ, ГБД ЮЛ and ЕГКН behind it, over real HTTP.

With --amqp the address register takes questions from a queue of that broker.

They know a synthetic population that follows from --seed and --size alone; no identifier in it is of anyone alive.
What it prints is TOML: paste it into your configuration to ask them.

With --keys messages are signed in both directions, as at the real gateway. An empty folder is filled with keys of a
participant (client.key, client.pem), the gateway and the registers, and what it prints names the files.

Let them misbehave with --misbehave SERVICE.WHAT=VALUE, as often as you like; SERVICE is gbdfl, gbdul, egkn, address
or all.
Durations: latency, latency_tail, latency_max (0.2, 500ms, 2s). Probabilities from 0 to 1: fault, status, http_500,
http_502, empty, truncated, wrong_types, wrong_namespace, oversized, entity_bomb, silent, cut, repeated, doubled,
other_person, business_error, replayed, unsigned, wrong_signature.

Example: appealbus simulate --misbehave all.latency=50ms --misbehave egkn.http_502=0.1

While it runs: GET /stats tells what was asked; POST /control with {"egkn": {"silent": 1}} changes the behaviour (both
from this machine only). Outages and the rest are settings of \\[plugins.simulator]. Ctrl-C ends it.
"""


def add_simulate(app: typer.Typer, settings: SimulatorSettings) -> None:
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
        amqp: Annotated[
            str | None,
            typer.Option(
                metavar="URL",
                help="A broker for the address register: amqp://USER@HOST:PORT/VHOST. The password is read from the "
                "environment variable SIMULATOR_AMQP_PASSWORD; without it, it is guest.",
            ),
        ] = None,
        delay: Annotated[
            float | None, typer.Option(help="Seconds after which the address register answers.", min=0, max=3600)
        ] = None,
        keys: Annotated[
            Path | None, typer.Option(help="Folder with keys: the contour is signed.", file_okay=False)
        ] = settings.keys,
        algorithm: Annotated[
            Algorithm, typer.Option(help="Of keys that are made.", case_sensitive=False)
        ] = settings.algorithm,
        rough: Annotated[bool, typer.Option("--rough", help="A little of every misbehaviour in all services.")] = False,
    ) -> None:
        changed: dict[str, Any] = {"host": host, "port": port, "size": size, "seed": seed}
        changed |= {"keys": keys and keys.absolute(), "algorithm": algorithm}
        changed["address"] = _with_broker(settings.address, amqp, delay)
        try:
            asyncio.run(_serve(with_misbehaviour(settings.model_copy(update=changed), misbehave or [], rough=rough)))
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            why = "the port is in use; choose another with --port" if busy else error.strerror
            say(f"cannot listen on {host}:{port}: {why}", err=True)
            raise typer.Exit(2) from None
        except UnicodeError:
            say(f"cannot listen on {host}: that is no name of a machine", err=True)
            raise typer.Exit(2) from None
        except ConfigError as error:
            say(f"the contour cannot be signed: {error}", err=True)
            raise typer.Exit(2) from None
        except BrokerError as error:
            say(f"the address register cannot take questions: {error}", err=True)
            raise typer.Exit(2) from None


def _with_broker(service: AddressService, url: str | None, delay: float | None) -> AddressService:
    changed: dict[str, Any] = {} if delay is None else {"delay": delay}
    if url is not None:
        changed["broker"] = broker_at(url, os.environ)
    return service.model_copy(update=changed)


def broker_at(url: str, environ: Mapping[str, str]) -> BrokerSettings:
    """Parse a broker's URL; raise BadParameter if it is invalid."""
    parts = urlsplit(url)
    if parts.scheme != "amqp" or not parts.hostname or parts.password is not None or parts.query or parts.fragment:
        raise typer.BadParameter("write amqp://USER@HOST:PORT/VHOST, with the password in SIMULATOR_AMQP_PASSWORD")
    given = {"SIMULATOR_AMQP_PASSWORD": "guest", **environ}
    try:
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        return BrokerSettings(
            hosts=[host],
            virtual_host=unquote(parts.path[1:]) or "/",
            user=unquote(parts.username or "guest"),
            password=Secret(env="SIMULATOR_AMQP_PASSWORD", environ=given),
        )
    except ValueError as error:
        raise typer.BadParameter(f"{url}: {error}") from None


def with_misbehaviour(settings: SimulatorSettings, orders: list[str], *, rough: bool = False) -> SimulatorSettings:
    """Apply the misbehaviour options of the command line; raise BadParameter with the correct form."""
    rules: dict[str, dict[str, Any]] = {
        name: (ROUGH if rough else getattr(settings, name).misbehaviour).model_dump() for name in SERVICES
    }
    for order in orders:
        target, _, value = order.partition("=")
        service, _, what = target.partition(".")
        if not (service and what and value):
            raise typer.BadParameter(f"{order!r}: write SERVICE.WHAT=VALUE, such as egkn.http_502=0.1")
        if service not in (*SERVICES, "all"):
            raise typer.BadParameter(f"no service {service!r}; {did_you_mean(service, (*SERVICES, 'all'))}")
        if what not in _ORDERS:
            raise typer.BadParameter(f"no misbehaviour {what!r}; {did_you_mean(what, _ORDERS)}")
        for name in SERVICES if service == "all" else (service,):
            rules[name][what] = value
    try:
        services = {
            name: getattr(settings, name).model_copy(update={"misbehaviour": Misbehaviour.model_validate(values)})
            for name, values in rules.items()
        }
    except ValidationError as error:
        lines = [": ".join((*map(str, item["loc"]), item["msg"])) for item in error.errors()]
        raise typer.BadParameter("; ".join(lines).replace("Value error, ", "")) from None
    return settings.model_copy(update=services)


async def _serve(settings: SimulatorSettings) -> None:
    # Imported here: every other command would pay for the HTTP server too.
    from appealbus.simulator.server import PATH, Simulator

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Simulator(settings) as simulator:
        say(f"# Simulated agencies listen on {simulator.base_url}{PATH}")
        say(f"# Population: {settings.size} persons, seed {settings.seed}. Ctrl-C ends it.\n", lines=True)
        say(snippet(settings, simulator.url), lines=True)
        await stop.wait()
