"""`appealbus deliveries`: versions that a receiver will not take, giving them up, and sending them again."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT
from appealbus.core.cli.paging import After, AsJson, Limit, print_page
from appealbus.core.cli.render import local
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import DeliveryRow

Number = Annotated[str | None, typer.Argument(metavar="[NUMBER]", help="The appeal's number.")]
Receiver = Annotated[str | None, typer.Option("--receiver", help="Of one receiver alone.")]
Version = Annotated[int | None, typer.Option("--version", help="One version alone.", min=1)]
Everything = Annotated[bool, typer.Option("--all", help="All that waits alone, of every appeal.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Versions that a receiver will not take; each waits alone.", no_args_is_help=True)
    group.command("list")(list_)
    group.command("skip")(skip)
    group.command("resend")(resend)
    app.add_typer(group, name="deliveries")


def list_(
    context: typer.Context,
    number: Number = None,
    *,
    receiver: Receiver = None,
    after: After = 0,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what waits alone, oldest first; with a NUMBER all deliveries of that appeal and how they stand."""
    cli = cli_of(context)
    found = cli.read(lambda journal: journal.deliveries(number, receiver=receiver, after=after, limit=limit))
    none = "Nothing waits alone." if number is None else f"{number} has no deliveries."
    print_page(cli, found, limit, lambda row: cli.out.print(_line(row)), as_json=as_json, none=none)


def _line(row: DeliveryRow) -> str:
    tries = f"{row.attempts} attempt{'s' if row.attempts != 1 else ''}"
    reason = f": {row.reason}" if row.reason else ""
    due = f", next at {local(row.next_attempt_at):%Y-%m-%d %H:%M:%S}" if row.next_attempt_at and row.attempts else ""
    since = f"{local(row.since):%Y-%m-%d %H:%M:%S}"
    return f"{row.receiver}  {row.number}  version {row.version}  {row.state} since {since}, {tries}{due}{reason}"


def skip(
    context: typer.Context,
    number: Number = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever looks at it later; no personal data.")],
    receiver: Receiver = None,
    version: Version = None,
    everything: Everything = False,
) -> None:
    """Give up what was not delivered of one appeal, or with --all whatever waits alone. It stays on record."""
    _one_or_all(number, everything, version)
    count = _changed(
        cli_of(context), lambda journal: journal.skip_deliveries(number, reason, receiver=receiver, version=version)
    )
    cli_of(context).out.print(f"{_versions(count)} given up.")


def resend(
    context: typer.Context,
    number: Number = None,
    receiver: Receiver = None,
    version: Version = None,
    everything: Everything = False,
) -> None:
    """Send again what waits alone or was given up of one appeal, under the same delivery id; with --all of every one.

    With --version that version, even if it was delivered. The bus that runs does it, or else the next one.
    """
    _one_or_all(number, everything, version)
    cli = cli_of(context)
    count = _changed(cli, lambda journal: journal.resend(number, receiver=receiver, version=version))
    cli.out.print(f"{_versions(count)} sent again.")


def _one_or_all(number: str | None, everything: bool, version: int | None) -> None:
    if (number is None) == (not everything):
        raise typer.BadParameter("give one NUMBER, or --all")
    if everything and version is not None:
        raise typer.BadParameter("--version goes with a NUMBER")


def _changed(cli: Cli, change: Callable[[Journal], Coroutine[Any, Any, int]]) -> int:
    count = cli.change(change)
    if not count:
        cli.fail("There is no such delivery; see `appealbus deliveries list`.", EXIT_ABSENT)
    return count


def _versions(count: int) -> str:
    return "1 version is" if count == 1 else f"{count} versions are"
