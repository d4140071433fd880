"""`appealbus clock`."""

import asyncio

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.journal.clock import in_doubt
from appealbus.core.journal.mark import JournalState

group = typer.Typer(help="What the journal's clock is worth.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """Say what the journal's clock is worth."""


@group.command("accept")
def accept(context: typer.Context) -> None:
    """Say that the clock is right now, whatever was doubted: what is old may be deleted and given up again.

    Look at the time first. With a running bus or without; the bus hears of it within a second.
    """
    cli = cli_of(context)

    async def work() -> tuple[JournalState, JournalState]:
        async with cli.journal(write=True) as journal:
            return await journal.trust_clock(), await journal.look()

    was, now = asyncio.run(work())
    cli.out.print(f"The journal's clock is {now.clock:%Y-%m-%d %H:%M:%S} UTC from now on.")
    cli.out.print(
        "It was not in doubt." if was.doubt is None else f"It was in doubt: {str(in_doubt(was)).split(';')[0]}."
    )
