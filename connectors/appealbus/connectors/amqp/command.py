"""`appealbus topology` and `appealbus asyncapi`."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import MAIN, AmqpSettings, Names
from appealbus.connectors.amqp.topology import by_amqp
from appealbus.connectors.amqp.topology.by_api import definitions, set_policies
from appealbus.connectors.amqp.topology.finding import Finding
from appealbus.connectors.amqp.topology.keeper import look
from appealbus.connectors.amqp.topology.management import Management, ManagementFailed
from appealbus.connectors.amqp.topology.wanted import (
    Exchange,
    Foreign,
    Queue,
    WantedTopology,
    alarms_of,
    answers_of,
    bus_of,
)
from appealbus.connectors.broker.broker import BrokerError
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core.commands import EXIT_PROBLEMS, Cli, cli_of

_NAMED: Mapping[str, Callable[[str], Exchange | Queue]] = {
    "queue": lambda name: Queue(name, {}),
    "dead_letters": lambda name: Queue(name, {}),
    "exchange": lambda name: Exchange(name, "topic"),
}

_UP = 15.0
"""Seconds for a connection: a person waits, and one attempt has ten by default."""

Named = Annotated[str, typer.Option("--broker", help="The broker, of those in [plugins.amqp.brokers].")]


def wanted_of(document: dict[str, Any], brokers: Brokers, name: str) -> WantedTopology:
    names, users = brokers.names, list(_users(document, name))
    # The main broker may serve those who have no table yet.
    ours = name == MAIN or any(kind != "sources" for kind, _, _ in users)
    wanted = bus_of(names) if ours else WantedTopology()
    for kind, source, table in users:
        if kind == "sources" and table.get("answers"):
            wanted += answers_of(names, source)
        elif kind == "plugins" and not table.get("exchange"):
            wanted += alarms_of(names)
    return wanted


def foreign_of(document: dict[str, Any], names: Names, name: str) -> WantedTopology:
    """Return what the configuration names on a broker and the bus does not own."""
    outlets = [
        str(table.get("exchange") or names.out) for kind, _, table in _users(document, name) if kind == "deliveries"
    ]
    return WantedTopology(
        outlets=tuple(dict.fromkeys(outlets)),
        foreign=tuple(
            Foreign(make(table[key]), ".".join(filter(None, (kind, user, key))))
            for kind, user, table in _users(document, name)
            for key, make in _NAMED.items()
            if isinstance(table.get(key), str)
        ),
    )


def _users(document: dict[str, Any], name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the tables that name a broker: kind, name, and content."""
    tables = [("work", "", document.get("work"))]
    for kind in ("intakes", "deliveries", "sources"):
        tables += [(kind, user, table) for user, table in (document.get(kind) or {}).items()]
    for kind, user, table in tables:
        chooses = "connector" if kind == "sources" else "kind"
        if isinstance(table, dict) and table.get(chooses) == "amqp" and table.get("broker", MAIN) == name:
            yield kind, user, table
    alarms = (document.get("plugins") or {}).get("surges")
    if isinstance(alarms, dict) and alarms.get("broker") == name:
        yield "plugins", "surges", alarms


def asyncapi(
    context: typer.Context, file: Annotated[Path | None, typer.Argument(help="Where to; none: standard output.")] = None
) -> None:
    """Write the AsyncAPI 3 document of all messages over queues, by the names of the configuration. Needs no broker."""
    from appealbus.connectors.amqp.asyncapi.document import asyncapi_document

    cli = cli_of(context)
    _write(cli, asyncapi_document(cli.loaded, hosts=True), file)


def _write(cli: Cli, document: object, file: Path | None) -> None:
    if file is None:
        cli.print_json(document)
        return
    try:
        file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        cli.fail(f"{file} cannot be written: {error.strerror}", EXIT_PROBLEMS)


def add_to(app: typer.Typer, settings: AmqpSettings) -> None:
    group = typer.Typer(help="What the bus needs of a message broker.", no_args_is_help=True)

    @group.command()
    def check(context: typer.Context, broker: Named = MAIN) -> None:
        """Say what is missing on the broker or differs, and what lies in its queues that nobody takes. Changes nothing.

        By the management API where `management` is set; else over AMQP, which shows neither bindings nor policies.
        Exits 1 if anything is not in order.
        """
        Topology(cli_of(context), settings, broker).check()

    @group.command()
    def apply(context: typer.Context, broker: Named = MAIN) -> None:
        """Make what is missing, and set policies where `management` is set. Never changes what is declared otherwise.

        Exits 1 if anything is not in order afterwards.
        """
        Topology(cli_of(context), settings, broker).apply()

    @group.command()
    def export(
        context: typer.Context,
        file: Annotated[Path | None, typer.Argument(help="Where to; none: standard output.")] = None,
        broker: Named = MAIN,
    ) -> None:
        """Write the definitions for an administrator: `rabbitmqctl import_definitions FILE`. Needs no broker."""
        Topology(cli_of(context), settings, broker).export(file)

    app.add_typer(group, name="topology")
    app.command("asyncapi")(asyncapi)


class Topology:
    def __init__(self, cli: Cli, settings: AmqpSettings, name: str) -> None:
        brokers = Brokers(settings)
        self._cli = cli
        self._broker = brokers.get(name)
        self._settings = settings.brokers.get(name, BrokerSettings())
        self._wanted = wanted_of(cli.loaded.document, brokers, name)
        self._foreign = foreign_of(cli.loaded.document, brokers.names, name)

    def check(self) -> None:
        self._run(self._check)

    def apply(self) -> None:
        self._run(self._apply)

    def export(self, file: Path | None) -> None:
        _write(self._cli, definitions(self._wanted, self._settings.virtual_host), file)

    def _run(self, work: Callable[[], Awaitable[list[Finding]]]) -> None:
        if self._settings.hosts:
            self._tell(asyncio.run(self._connected(work)))
        else:
            self._say(f"The broker {self._broker.name} lives in memory: the bus makes what it needs when it starts.")

    async def _connected(self, work: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        try:
            await self._broker.start()
            try:
                if not await self._broker.up(_UP):
                    details = [link.detail for link in self._broker.links() if link.detail]
                    raise BrokerError(details[0] if details else f"the broker {self._broker.name} does not answer")
                return await work()
            finally:
                await self._broker.close()
        except (BrokerError, ManagementFailed) as error:
            self._cli.fail(str(error), EXIT_PROBLEMS)

    async def _check(self) -> list[Finding]:
        # What others make may come later: whoever applies does not wait for it.
        findings = (await look(self._broker, self._settings, self._wanted + self._foreign)).findings
        return findings if self._settings.management is not None else [*findings, by_amqp.UNSEEN]

    async def _apply(self) -> list[Finding]:
        findings = await by_amqp.declare(self._broker, self._wanted, self._say)
        if self._settings.management is None:
            self._policies_by_hand()
            return [*findings, by_amqp.UNSEEN]
        async with await asyncio.to_thread(Management, self._broker.name, self._settings) as api:
            try:
                await set_policies(api, self._wanted, self._say)
            except ManagementFailed as error:
                self._say(f"policies cannot be set: {error}")
        return (await look(self._broker, self._settings, self._wanted)).findings

    def _policies_by_hand(self) -> None:
        self._say("Limits and dead-lettering are policies, which cannot be set over AMQP. An administrator sets them:")
        for policy in definitions(self._wanted, self._settings.virtual_host)["policies"]:
            words = ["rabbitmqctl", "set_policy", "-p", policy["vhost"], "--priority", str(policy["priority"])]
            words += ["--apply-to", policy["apply-to"], policy["name"], policy["pattern"]]
            self._say(f"  {shlex.join([*words, orjson.dumps(policy['definition']).decode()])}")

    def _tell(self, findings: list[Finding]) -> None:
        problems = [finding for finding in findings if finding.is_problem]
        for finding in findings:
            self._say(str(finding))
        if problems:
            raise typer.Exit(EXIT_PROBLEMS)
        self._say("What can be seen is in order." if findings else "All is in order.")

    def _say(self, text: str) -> None:
        self._cli.out.print(text)
