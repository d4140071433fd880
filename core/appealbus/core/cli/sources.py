"""`appealbus sources`."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.render import local
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import SourceState


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sources")(sources)


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
    table = Table(
        Column("source", no_wrap=True),
        "breaker",
        "in flight",
        "calls/s",
        "p50",
        "p95",
        "outcomes",
        box=SIMPLE,
        pad_edge=False,
    )
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
