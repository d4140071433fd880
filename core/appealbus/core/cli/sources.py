"""`appealbus sources` and `appealbus check`."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from appealbus.core.cli.context import EXIT_PROBLEMS, Cli, cli_of
from appealbus.core.cli.render import local
from appealbus.core.config.base import ConfigError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import SourceState
from appealbus.core.parts import Bound, build
from appealbus.core.wire import Health


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sources")(sources)
    app.command("check")(check)


def sources(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Show how each source stands, as the running bus last wrote it down."""
    cli = cli_of(context)
    found = cli.read(Journal.source_states)
    if as_json:
        cli.print_json([asdict(state) for state in found])
        return
    cli.out.print(source_view(found))
    if not found:
        cli.out.print("No bus has worked this journal yet; start one with `appealbus run`.")


def source_view(states: list[SourceState]) -> RenderableType:
    """Return the sources with their outcomes, latencies and last errors, for people."""
    table = Table("source", "breaker", "in flight", "calls/s", "p50", "p95", "outcomes", box=SIMPLE, pad_edge=False)
    errors = []
    for state in states:
        table.add_row(
            f"{state.source} [dim]over {state.connector}[/]",
            f"[{'green' if state.breaker == 'closed' else 'red'}]{state.breaker}[/]",
            f"{state.in_flight} [dim]+{state.waiting}[/]" if state.waiting else str(state.in_flight),
            f"{state.rate:.1f}",
            _milliseconds(state.p50),
            _milliseconds(state.p95),
            ", ".join(f"{kind} {count}" for kind, count in sorted(state.outcomes.items())),
        )
        if state.last_error_at:
            errors.append(
                Text(f"{state.source}, last error at {local(state.last_error_at):%H:%M:%S}: {state.last_error}", "dim")
            )
    return Group(table, *errors)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f} ms"


def check(
    context: typer.Context,
    online: Annotated[bool, typer.Option("--online", help="Ask also whether each source can be reached.")] = False,
) -> None:
    """Prove the configuration without touching data: every table, plugin, path, contract and secret.

    Nobody is asked about anybody. Exits 2 if the configuration is wrong, 1 if it is right and something else is
    not: a broken plugin, a source that cannot be reached.
    """
    cli = cli_of(context)
    problems = asyncio.run(_check(cli, online))
    for problem in problems:
        cli.err.print(problem, style="red", markup=False)
    if problems:
        raise typer.Exit(EXIT_PROBLEMS)
    cli.out.print("The configuration is right.", style="green")


async def _check(cli: Cli, online: bool) -> list[str]:
    parts = build(cli.loaded, cli.host)
    where = cli.loaded.file or "the embedded defaults (there is no appealbus.toml here)"
    cli.out.print(f"configuration  {where}", markup=False)
    cli.out.print(f"plugins        {sum(plugin.state == 'active' for plugin in cli.host.plugins)} active")
    cli.out.print(f"lookups        {', '.join(node.lookup.name for node in parts.nodes) or 'none'}", markup=False)
    for name, why in parts.inactive.items():
        cli.out.print(f"               {name} is inactive: {why}", style="yellow", markup=False)
    problems = [f"plugin {p.name} is broken: {p.reason}" for p in cli.host.plugins if p.state == "broken"]
    missing = cli.loaded.unreadable_secrets()
    if missing:
        raise ConfigError("\n".join(missing))
    for bound in parts.sources.values():
        try:
            await bound.wire.start()
            health = await _health(bound) if online else None
        finally:
            await bound.wire.close()
        if health is None:
            cli.out.print(f"source         {bound.name} over {bound.connector}: contract loaded", markup=False)
        elif health.ok:
            cli.out.print(f"source         {bound.name} over {bound.connector}: {health.detail}", markup=False)
        else:
            problems.append(f"source {bound.name} over {bound.connector}: {health.detail}")
    return problems


async def _health(bound: Bound) -> Health:
    try:
        async with asyncio.timeout(bound.guard.timeout):
            return await bound.wire.health()
    except TimeoutError:
        return Health(False, f"no answer within {bound.guard.timeout:g} s")
