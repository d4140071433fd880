"""`appealbus appeals`."""

from typing import Annotated

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.paging import After, AsJson, Limit, print_page
from appealbus.core.cli.render import local
from appealbus.core.domain.listing import AppealRow, AppealState


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("appeals")(appeals)


def appeals(
    context: typer.Context,
    *,
    state: Annotated[AppealState | None, typer.Option(help="Of one state alone.")] = None,
    lacking: Annotated[
        bool, typer.Option("--lacking", help="Only those whose contract wants a lookup that was not loaded.")
    ] = False,
    after: After = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List appeals, oldest first: number, channel, state, the dossier so far, and when a parked one is due again."""
    cli = cli_of(context)
    found = cli.read(lambda journal: journal.appeals(after, limit, state=state, lacking=lacking))
    none = "There is none." if state is None and not after and not lacking else "There is none like that."
    print_page(cli, found, limit, lambda row: cli.out.print(_line(row)), as_json=as_json, none=none, key="appeal_id")


def _line(row: AppealRow) -> str:
    dossier = f"version {row.version} {row.completeness}" if row.version else "no dossier yet"
    due = f", due {local(row.due_at):%Y-%m-%d %H:%M:%S}" if row.due_at else ""
    head = f"{row.number}  accepted {local(row.accepted_at):%Y-%m-%d %H:%M:%S} by {row.channel}"
    held = f" by {row.held_by}: {row.held_reason}" if row.held_by else ""
    lacks = f", lacks {', '.join(row.lacks)}" if row.lacks else ""
    closed = f", {row.closed}" if row.closed else ""
    return f"{head}  {row.state}{held}{due}{closed}; {dossier}{lacks}"
