"""`appealbus enrol`."""

from typing import Annotated

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_JOURNAL, EXIT_PROBLEMS
from appealbus.core.errors import ConfigError
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.mark import Mark


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enrol")(enrol)


def enrol(context: typer.Context, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Make the checkpoint of a machine that has none, from the journal as it is: you say that it is the right one.

    Once on each new machine that runs workers, and after an upgrade from 0.2.0 on PostgreSQL. Where there is a
    checkpoint already, the journal is only compared with it. A journal that was put back from a copy is not enrolled:
    that is `appealbus restored`.
    """
    cli = cli_of(context)
    checkpoint = Checkpoint(cli.loaded.settings.bus.checkpoint_file())
    mark = checkpoint.read()
    now = cli.read(Journal.how_far)
    if mark is not None:
        checkpoint.compare(mark, now)
        cli.out.print(f"The checkpoint {checkpoint.path} is there, and agrees with the journal.")
        return
    until = f"{now.clock:%Y-%m-%d %H:%M:%S} UTC" if now.clock else "its beginning"
    cli.out.print(f"The journal is in epoch {now.epoch} and goes up to {until}.")
    if not yes and not typer.confirm("Is it the right one, and no copy that was put back?"):
        raise typer.Exit(EXIT_PROBLEMS)
    _write(cli, checkpoint, now)


def _write(cli: Cli, checkpoint: Checkpoint, now: Mark) -> None:
    try:
        written = checkpoint.write(now)
    except (OSError, ConfigError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        cli.fail(f"the checkpoint {checkpoint.path} cannot be written ({why}); see bus.checkpoint", EXIT_JOURNAL)
    checkpoint.close()
    if not written:
        cli.fail(f"the checkpoint {checkpoint.path} cannot be written: another process holds it", EXIT_JOURNAL)
    cli.out.print(f"This machine knows it from now on, by {checkpoint.path}.")
