"""`appealbus appeals`."""

from dataclasses import asdict

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.looking import look
from appealbus.core.cli.paging import AfterPlace, AsJson, Limit, place_of
from appealbus.core.cli.render import local
from appealbus.core.cli.selecting import Chosen, selects
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import Found
from appealbus.core.journal.journal import Journal


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("appeals")(appeals)


@selects
def appeals(
    context: typer.Context,
    *,
    after: AfterPlace = "0",
    limit: Limit = 100,
    as_json: AsJson = False,
    chosen: Chosen,
) -> None:
    """Find appeals by all that is said of them: number, channel, state, the dossier so far, when one is due again.

    Oldest first; of a source or a date the most urgent first, of a receiver what waits longest. Whoever looks for a
    person or a parcel is noted, with the purpose.
    """
    cli = cli_of(context)
    place = place_of(after)

    async def find(journal: Journal) -> Found:
        try:
            return await journal.find(chosen.selection, place, limit)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--after") from None

    if chosen.selection.named:
        found = look(cli, find, "appeals", purpose=chosen.purpose, about=lambda found: {"found": len(found.rows)})
    else:
        found = cli.read(find)
    if as_json:
        cli.print_json(
            [{**asdict(row), "place_in_list": str(at)} for row, at in zip(found.rows, found.places, strict=True)]
        )
        return
    _print(cli, found, first=after == "0" and not chosen.selection)


def _print(cli: Cli, found: Found, *, first: bool) -> None:
    for row in found.rows:
        cli.out.print(line_of(row))
    if not found.rows:
        cli.out.print("There is none." if first else "There is none like that.")
    if found.next is not None:
        cli.out.print(f"There may be more: --after {found.next}")


def line_of(row: AppealRow) -> str:
    """Return an appeal as a list shows it."""
    dossier = f"version {row.version} {row.completeness}" if row.version else "no dossier yet"
    due = f", due {local(row.due_at):%Y-%m-%d %H:%M:%S}" if row.due_at else ""
    head = f"{row.number}  accepted {local(row.accepted_at):%Y-%m-%d %H:%M:%S} by {row.channel}"
    term = f", term {row.due_on}" if row.due_on else ""
    held = f" by {row.held_by}: {row.held_reason}" if row.held_by else ""
    waits_for = f" for {', '.join(row.waits_for)}" if row.waits_for else ""
    lacks = f", lacks {', '.join(row.lacks)}" if row.lacks else ""
    signal = f", signal {row.signal}" if row.signal else ""
    closed = f", {row.closed}" if row.closed else ""
    return f"{head}{term}  {row.state}{held}{waits_for}{due}{closed}; {dossier}{signal}{lacks}"
