"""`appealbus access list`."""

from dataclasses import asdict
from typing import Annotated

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.render import local


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The access log: who looked at whose data, for which appeal, why.", no_args_is_help=True)
    group.command("list")(list_)
    app.add_typer(group, name="access")


def list_(
    context: typer.Context,
    number: Annotated[str | None, typer.Option(help="Of one appeal alone.")] = None,
    after: Annotated[int, typer.Option(help="Start behind this row, to page on.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="The most rows.", min=1, max=10_000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the questions that left for sources, oldest first. Each row was on disk before its question left."""
    cli = cli_of(context)

    found = cli.read(lambda journal: journal.access_rows(number=number, after=after, limit=limit))
    if as_json:
        cli.print_json([asdict(row) for row in found])
        return
    for row in found:
        head = f"{row.id}  {local(row.at):%Y-%m-%d %H:%M:%S}  {row.actor} looked at {row.subject}"
        cli.out.print(head, style="bold")
        cli.out.print(f"    {row.lookup} at {row.source}, for {row.number}, answered by {row.served.value}")
        cli.out.print(f"    to {row.purpose}; {row.legal_basis}", style="dim")
    if len(found) == limit:
        cli.out.print(f"There may be more: --after {found[-1].id}")
