"""`appealbus quarantine`: what the bus could not take, why, and taking it after all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from appealbus.core.bus.decoder import Decoder
from appealbus.core.bus.decoding import Unacceptable
from appealbus.core.bus.reception import replay as replay_row
from appealbus.core.bus.reception import would_take
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.looking import Copy, look
from appealbus.core.cli.paging import After, AsJson, Limit, print_page
from appealbus.core.cli.render import local
from appealbus.core.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import QuarantineRow

_PAGE = 200
"""Rows of one read, without their messages: those are read one by one, for each may have megabytes."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Messages that could not be taken, each with its reason.", no_args_is_help=True)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("replay")(replay)
    app.add_typer(group, name="quarantine")


def _as_json(row: QuarantineRow) -> dict[str, Any]:
    return {**asdict(row), "raw": row.raw.decode("utf-8", "replace")}


def list_(
    context: typer.Context,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that were taken later.")] = False,
    after: After = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what is in quarantine, oldest first."""
    cli = cli_of(context)
    found = cli.read(lambda journal: journal.quarantined(after, limit, include_replayed=replayed))

    def show_one(row: QuarantineRow) -> None:
        taken = f", taken later as {row.number}" if row.replayed_at else ""
        head = f"{row.id}  {local(row.at):%Y-%m-%d %H:%M:%S}  {row.position} by {row.channel}{taken}"
        cli.out.print(head, style="bold")
        cli.out.print(f"    {row.reason}")

    print_page(cli, found, limit, show_one, as_json=as_json, none="Nothing is in quarantine.")


def show(
    context: typer.Context,
    quarantine_id: Annotated[int, typer.Argument(metavar="ID")],
    as_json: AsJson = False,
    copy: Copy = False,
) -> None:
    """Show one message as it came; on the terminal with its control characters written out. Who looks is noted."""
    cli = cli_of(context)
    row = look(
        cli,
        lambda journal: _row(cli, journal, quarantine_id),
        "quarantine",
        copy=copy,
        about=lambda found: {"id": found.id},
    )
    if as_json:
        cli.print_json(_as_json(row))
        return
    cli.out.print(f"{row.position} by {row.channel} at {local(row.at):%Y-%m-%d %H:%M:%S}: {row.reason}")
    cli.out.print(row.raw.decode("utf-8", "replace"), lines=True)


async def _row(cli: Cli, journal: Journal, quarantine_id: int) -> QuarantineRow:
    row = await journal.quarantine_row(quarantine_id)
    if row is None:
        cli.fail(f"There is no message {quarantine_id} in quarantine; see `appealbus quarantine list`.", EXIT_ABSENT)
    return row


def replay(
    context: typer.Context,
    quarantine_id: Annotated[int | None, typer.Argument(metavar="[ID]")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every message that is in quarantine.")] = False,
    message_id: Annotated[
        str | None,
        typer.Option("--message-id", help="Take it under this id: where its own belongs to another message."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
) -> None:
    """Try again to take a message, once the cause is mended. A message that is taken twice is still one appeal.

    Where the id of a message belongs to another one that says something else, compare both; if it is a letter of its
    own, give it an id with --message-id.

    Exits 1 if any could not be taken again; those stay where they are, with the new reason shown.
    """
    cli = cli_of(context)
    if (quarantine_id is None) == (not everything):
        raise typer.BadParameter("give one ID, or --all")
    if everything and message_id is not None:
        raise typer.BadParameter("--message-id is for one ID, not for --all")
    failed = asyncio.run(_replay(cli, quarantine_id, message_id, dry_run))
    if failed:
        raise typer.Exit(EXIT_PROBLEMS)


async def _replay(cli: Cli, quarantine_id: int | None, message_id: str | None, dry_run: bool) -> int:
    failed, decoder = 0, Decoder()
    async with contextlib.aclosing(decoder), cli.journal(write=not dry_run) as journal:
        async for row in _rows(cli, journal, quarantine_id):
            try:
                if dry_run:
                    await would_take(journal, row, cli.loaded.settings.bus, decoder, message_id)
                    cli.out.print(f"{row.id} {row.position}: would be taken")
                else:
                    receipt = await replay_row(journal, row, cli.loaded.settings.bus, decoder, message_id)
                    cli.out.print(f"{row.id} {row.position}: taken as {receipt.number or 'a change that waits'}")
            except (Unacceptable, JournalError) as error:
                if isinstance(error, JournalError) and error.passes:
                    raise
                failed += 1
                cli.err.print(f"{row.id} {row.position}: {error}", style="red")
    return failed


async def _rows(cli: Cli, journal: Journal, quarantine_id: int | None) -> AsyncIterator[QuarantineRow]:
    if quarantine_id is not None:
        row = await _row(cli, journal, quarantine_id)
        if row.replayed_at is not None:
            cli.fail(f"Message {quarantine_id} was taken already, as {row.number}.", EXIT_ABSENT)
        yield row
        return
    after = 0
    while page := await journal.quarantined(after=after, limit=_PAGE):
        for listed in page:
            whole = await journal.quarantine_row(listed.id)
            if whole is not None:
                yield whole
        after = page[-1].id
