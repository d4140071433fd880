"""`appealbus quarantine`: refused messages, the reasons, and their later fate."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from appealbus.core.bus.intake.quarantine import copies
from appealbus.core.cli.audit_reads import Copy, look
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.deciding import MOST_ID, close, replay, row_of
from appealbus.core.cli.paging import After, AsJson, Limit, print_page
from appealbus.core.cli.render import local
from appealbus.core.errors import ConfigError
from appealbus.core.journal import quarantine
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import QuarantineRow

_AT_ONCE = 200

group = typer.Typer(help="Messages that could not be taken, each with its reason.", no_args_is_help=True)
group.command("replay")(replay)
group.command("close")(close)


@group.command("list")
def list_(
    context: typer.Context,
    *,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that were taken later.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Also those that a person closed.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Both.")] = False,
    after: After = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what is in quarantine, oldest first; of what a copy has come meanwhile, which appeal that is."""
    cli = cli_of(context)

    async def read(journal: Journal) -> tuple[list[QuarantineRow], dict[int, str]]:
        page = await journal.ask(
            quarantine.quarantined,
            after,
            limit,
            include_replayed=replayed or everything,
            include_closed=closed or everything,
        )
        came: dict[int, str] = {}
        for first in range(0, len(page), _AT_ONCE):
            came |= await copies(journal, page[first : first + _AT_ONCE])
        return page, came

    rows, came = cli.read(read)
    if as_json:
        cli.print_json([{**_as_json(row), "came_as": came.get(row.id)} for row in rows])
        return

    def show_one(row: QuarantineRow) -> None:
        cli.out.print(f"{row.id}  {local(row.at):%Y-%m-%d %H:%M:%S}  {row.position} by {row.channel}", style="bold")
        cli.out.print(f"    {row.reason}")
        _print_end(cli, row)
        if row.id in came:
            cli.out.print(f"    meanwhile appeal {came[row.id]} came, which may be its corrected copy", style="yellow")

    print_page(cli, rows, limit, show_one, as_json=False, none="Nothing is in quarantine.")


def _print_end(cli: Cli, row: QuarantineRow) -> None:
    if row.closed_at is not None:
        closed = f"closed {local(row.closed_at):%Y-%m-%d %H:%M:%S} by {row.closed_by}: {row.closed_reason}"
        cli.out.print(f"    {closed}")
    if row.replayed_at is not None:
        as_what = row.number or "a change that waits"
        cli.out.print(f"    taken later, {local(row.replayed_at):%Y-%m-%d %H:%M:%S}, as {as_what}")


def _as_json(row: QuarantineRow) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name != "raw"}


@group.command("show")
def show(
    context: typer.Context,
    quarantine_id: Annotated[int, typer.Argument(metavar="ID", max=MOST_ID)],
    *,
    as_json: AsJson = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The message alone, byte for byte; not on a terminal, which it might steer.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="The same into a new file, for its owner alone.")
    ] = None,
    copy: Copy = False,
) -> None:
    """Show one message as it came; on the terminal with its control characters written out. Who looks is noted."""
    cli = cli_of(context)
    if as_json and (raw or output is not None):
        raise typer.BadParameter("give either --json or --raw")
    if raw and output is None and cli.out.is_terminal:
        raise typer.BadParameter(
            "a message can steer a terminal: write it into a file with --output FILE, or to a pipe"
        )
    if output is not None and output.exists():
        raise typer.BadParameter("there is a file of that name already", param_hint="--output")
    row = look(
        cli,
        lambda journal: row_of(cli, journal, quarantine_id),
        "quarantine",
        copy=copy,
        about=lambda message: {"id": message.id},
    )
    if as_json:
        cli.print_json({**_as_json(row), "raw": row.raw.decode("utf-8", "replace")})
    elif output is not None:
        _write(output, row.raw)
        cli.err.print(f"{len(row.raw)} bytes are in {output}.")
    elif raw:
        cli.write_bytes(row.raw)
    else:
        cli.out.print(f"{row.position} by {row.channel} at {local(row.at):%Y-%m-%d %H:%M:%S}: {row.reason}")
        _print_end(cli, row)
        cli.out.print(row.raw.decode("utf-8", "replace"), lines=True)


def _write(file: Path, raw: bytes) -> None:
    """Write a new file readable only by its owner; fail if a file or link already exists."""
    try:
        with open(file, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as opened:
            opened.write(raw)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
