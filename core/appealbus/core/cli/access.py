"""`appealbus access`: the access log."""

from typing import Annotated

import typer

from appealbus.core.cli.access_looks import looks
from appealbus.core.cli.audit_reads import Copy, look
from appealbus.core.cli.context import cli_of
from appealbus.core.cli.paging import After, AsJson, Limit, print_page
from appealbus.core.cli.render import local
from appealbus.core.domain.access import AccessRow, Served
from appealbus.core.journal import access

group = typer.Typer(help="The access log: who looked at whose data, for which appeal, why.", no_args_is_help=True)
group.command("looks")(looks)


@group.command("list")
def list_(
    context: typer.Context,
    *,
    number: Annotated[str | None, typer.Option(help="Of one appeal alone.")] = None,
    after: After = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
    copy: Copy = False,
) -> None:
    """List the questions that left for sources, oldest first. Each row was on disk before its question left.

    That you look at it is noted, too.
    """
    cli = cli_of(context)
    rows = look(
        cli,
        lambda journal: journal.ask(access.access_rows, number=number, after=after, limit=limit),
        "access",
        number=number,
        copy=copy,
        about=lambda rows: {"after": after, "rows": len(rows)},
    )

    def show(row: AccessRow) -> None:
        head = f"{row.id}  {local(row.at):%Y-%m-%d %H:%M:%S}  {row.actor} looked at {row.subject}"
        cli.out.print(head, style="bold")
        how = f"answered by {row.served.value}" if row.served is not Served.NOTHING else "did not leave after all"
        cli.out.print(f"    {row.lookup} at {row.source}, for {row.number}, {how}")
        cli.out.print(f"    to {row.purpose}; {row.legal_basis}", style="dim")

    print_page(cli, rows, limit, show, as_json=as_json, none="There is none.")
