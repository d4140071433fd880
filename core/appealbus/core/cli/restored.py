"""`appealbus restored` and `enrol`: the checkpoint of a journal after a restore, and of a new machine."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import typer

from appealbus.core.bus.heartbeat import ALIVE
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_JOURNAL, EXIT_PROBLEMS
from appealbus.core.clocks import day_of, monotonic
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal import renewing, state, workers
from appealbus.core.journal.appeals.numbering import series_of
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.mark import Mark

_LOOK = 0.5
"""Seconds between checks. Dead workers take about fifteen to time out; half a second more is not noticed."""
_NEXT = """\
1. Start the bus again: `appealbus run`. What this copy still had to deliver goes out, and what it had open is asked.
2. Have every channel send again all that it sent since {since}: what is known gets its old receipt, all else a new one.
3. Tell the receivers that what they got since then and is not told again under the new epoch has no appeal any more."""


def restored(
    context: typer.Context,
    after: Annotated[
        int | None,
        typer.Option(
            "--after", help="The epoch of the newest numbers that anybody has; 1 where they carry none.", min=1
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Go on with a journal that was restored from a copy: begin a new epoch, so that nothing is numbered twice.

    Numbers and delivery ids that are given from now on carry the epoch. Run it after every restore, while no bus runs.
    """
    cli = cli_of(context)
    asyncio.run(_restored(cli, Checkpoint(cli.loaded.settings.bus.checkpoint_file()), after, yes))


async def _restored(cli: Cli, checkpoint: Checkpoint, after: int | None, yes: bool) -> None:
    mark = checkpoint.read()
    async with cli.journal(write=True, restored=True) as journal:
        await journal.hold_run_lock()
        if journal.shared and await somebody_works(journal):
            cli.fail("workers run on this journal; stop them first", EXIT_JOURNAL)
        before, ahead = await journal.ask(state.how_far), -min((await journal.look()).behind, 0.0)
        last = _last(before, mark, after)
        if not yes and not typer.confirm(f"Begin epoch {last + 1} of this journal?"):
            raise typer.Exit(EXIT_PROBLEMS)
        beat = max(before.beat, mark.beat if mark else 0)
        since = _since(before, mark)
        # Within that: no number of the new epoch is given of which the checkpoint does not know, and no server beside
        # sees it ahead of the journal. Whoever is cut off here runs it again, and is told the same moment.
        await renewing.begin_epoch(
            journal, last, beat, lambda begun: note_mark(checkpoint, replace(Mark.of(begun), lacks=since))
        )
        now = await journal.ask(state.how_far)
    prefix, year = cli.loaded.settings.bus.number_prefix, day_of(now.clock).year if now.clock else 0
    cli.out.print(f"The journal is in epoch {now.epoch}; its next number is {series_of(prefix, year, now.epoch)}-…")
    if since is not None:  # where the journal is ahead of the clock of others, they would send too little
        since -= timedelta(seconds=ahead)
    cli.out.print(_NEXT.format(since=f"{since:%Y-%m-%d %H:%M:%S} UTC" if since else "this copy was made"), lines=True)


def _since(before: Mark, mark: Mark | None) -> datetime | None:
    """Return the time of the last heartbeat shared by the lost journal and the copy.

    The copy may have been used meanwhile; the first process to notice recorded how far the lost journal went.
    """
    if mark is None or mark.journal != before.journal:
        return before.clock
    if mark.lost_its_log(before):
        return None
    known = (before.clock, mark.since, mark.lacks, None if mark.leads_to(before) else mark.clock)
    return min((at for at in known if at is not None), default=None)


def note_mark(checkpoint: Checkpoint, now: Mark, command: str = "appealbus restored", *, anew: bool = True) -> None:
    """Write a confirmed mark into the checkpoint. On JournalError the next old copy would go unnoticed."""
    try:
        if checkpoint.write(now, anew=anew):
            return
        why = "another process holds it"
    except OSError as error:
        why = error.strerror or type(error).__name__
    text = (
        f"the checkpoint {checkpoint.path} cannot be written ({why}), so the next restore would not know of this one. "
        f"Mend that, or copy it to another place and name that with bus.checkpoint; then run `{command}` again"
    )
    raise JournalError(text, "checkpoint")


async def somebody_works(journal: Journal) -> bool:
    """Whether workers are alive. Dead workers recorded in the copy are waited out."""
    ends = monotonic() + ALIVE + 1.0
    while await journal.ask(workers.workers):
        if monotonic() > ends:
            return True
        await asyncio.sleep(_LOOK)
    return False


def _last(before: Mark, mark: Mark | None, after: int | None) -> int:
    if mark is None and after is None:
        raise ConfigError(
            "there is no checkpoint, so nobody knows the last epoch; look at the newest numbers that a receiver has "
            "(AB-2026-00000001 is of epoch 1, AB-2026-2-00000001 of epoch 2) and write it: --after 1"
        )
    return max(before.epoch, mark.epoch if mark else 1, after or 1)


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
