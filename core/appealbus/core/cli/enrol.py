"""`appealbus enrol`."""

from typing import Annotated

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.exits import EXIT_PROBLEMS
from appealbus.core.cli.restored import note_mark
from appealbus.core.journal import state
from appealbus.core.journal.checkpoint import Checkpoint


def enrol(context: typer.Context, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Make the checkpoint of a machine that has none, from the journal as it is: you say that it is the right one.

    Once on each new machine that runs workers, and after an upgrade from 0.2.0 on PostgreSQL. For a journal that was
    put back from a copy it is `appealbus restored`.
    """
    cli = cli_of(context)
    checkpoint = Checkpoint(cli.loaded.settings.bus.checkpoint_file())
    mark = checkpoint.read()
    now = cli.read(lambda journal: journal.ask(state.how_far))
    if mark is not None:
        checkpoint.compare(mark, now)
        cli.out.print(f"The checkpoint {checkpoint.path} is there, and agrees with the journal.")
        return
    until = f"{now.clock:%Y-%m-%d %H:%M:%S} UTC" if now.clock else "its beginning"
    cli.out.print(f"The journal is in epoch {now.epoch} and goes up to {until}.")
    if not yes and not typer.confirm("Is it the right one, and no copy that was put back?"):
        raise typer.Exit(EXIT_PROBLEMS)
    note_mark(checkpoint, now, "appealbus enrol", anew=False)
    checkpoint.compare(
        checkpoint.read(), cli.read(lambda journal: journal.ask(state.how_far))
    )  # somebody may have been faster
    cli.out.print(f"This machine knows it from now on, by {checkpoint.path}.")
