"""`appealbus deliveries`: versions that a receiver will not take, or has confirmed; giving up, and sending again."""

from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT
from appealbus.core.cli.operating import Many, Reason, Yes, operate
from appealbus.core.cli.paging import AfterPlace, AsJson, Limit, place_of, print_page
from appealbus.core.cli.person import checked_reason
from appealbus.core.cli.render import local
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.operation import Operation, Order
from appealbus.core.domain.selection import DeliverySelection, HistorySelection, ListPosition
from appealbus.core.escaping import one_line
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.deliveries.deliveries import DeliveryRow
from appealbus.core.journal.errors import CursorRefused
from appealbus.core.journal.journal import Journal
from appealbus.schemas.suggestion import did_you_mean

Number = Annotated[str | None, typer.Argument(metavar="[NUMBER]", help="The appeal's number.")]
Receiver = Annotated[str | None, typer.Option("--receiver", help="Of one receiver alone.")]
Version = Annotated[int | None, typer.Option("--version", help="One version alone.", min=1)]
_FORMS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
Since = Annotated[
    datetime | None, typer.Option(formats=_FORMS, metavar="TIME", help="Confirmed then or later: 2026-12-01T18:00.")
]
Until = Annotated[datetime | None, typer.Option(formats=_FORMS, metavar="TIME", help="Confirmed before then.")]
Everything = Annotated[bool, typer.Option("--all", help="All that waits alone, of every appeal.")]

group = typer.Typer(
    help="Versions on their way to receivers: what waits alone, and what was confirmed.", no_args_is_help=True
)


@group.command("list")
def list_(
    context: typer.Context,
    number: Number = None,
    *,
    receiver: Receiver = None,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="What was confirmed, in that order: when, by whom, which version.")
    ] = False,
    since: Since = None,
    until: Until = None,
    after: AfterPlace = "0",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what waits alone, oldest first; with a NUMBER all deliveries of that appeal and how they stand.

    With --confirmed, --since or --until what receivers have confirmed.
    """
    cli = cli_of(context)
    place = place_of(after)
    if confirmed or since is not None or until is not None:
        if number is not None:
            raise typer.BadParameter("with NUMBER all deliveries of the appeal are listed; leave the rest out")
        _list_confirmed(cli, DeliverySelection(receiver, _moment(since), _moment(until)), place, limit, as_json)
        return
    if place.first is not None:
        raise typer.BadParameter("it comes from a list in another order", param_hint="--after")
    rows = cli.read(
        lambda journal: journal.ask(deliveries.deliveries, number, receiver=receiver, after=place.id, limit=limit)
    )
    none = "Nothing waits alone." if number is None else f"{number} has no deliveries."
    print_page(cli, rows, limit, lambda row: cli.out.print(_line(row)), as_json=as_json, none=none)


def _list_confirmed(cli: Cli, selection: DeliverySelection, after: ListPosition, limit: int, as_json: bool) -> None:
    if after.id and after.first is None:
        raise typer.BadParameter("it comes from a list in another order", param_hint="--after")
    rows = cli.read(lambda journal: journal.ask(deliveries.confirmed, selection, after, limit))
    if as_json:
        cli.print_json([{**asdict(row), "place_in_list": str(place)} for row, place in rows])
        return
    for row, _ in rows:
        cli.out.print(_line(row))
    if not rows:
        cli.out.print("There is none like that.")
    if len(rows) == limit:
        cli.out.print(f"There may be more: --after {rows[-1][1]}")


def _moment(given: datetime | None) -> datetime | None:
    """Interpret a naive time as local time and make it aware."""
    return None if given is None else given.astimezone()


def _line(row: DeliveryRow) -> str:
    tries = f"{row.attempts} attempt{'s' if row.attempts != 1 else ''}"
    reason = f": {row.reason}" if row.reason else ""
    due = f", next at {local(row.next_attempt_at):%Y-%m-%d %H:%M:%S}" if row.next_attempt_at and row.attempts else ""
    since = f"{local(row.since):%Y-%m-%d %H:%M:%S}"
    return f"{row.receiver}  {row.number}  version {row.version}  {row.state} since {since}, {tries}{due}{reason}"


@group.command("skip")
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
        cli_of(context), lambda journal: journal.do(delivering.Skip(number, reason, receiver=receiver, version=version))
    )
    cli_of(context).out.print(f"{_versions(count)} given up.")


@group.command("resend")
def resend(
    context: typer.Context,
    *,
    number: Number = None,
    receiver: Receiver = None,
    version: Version = None,
    everything: Everything = False,
    since: Since = None,
    until: Until = None,
    reason: Reason = "",
    yes: Yes = None,
    as_json: AsJson = False,
) -> None:
    """Send again what waits alone or was given up of one appeal, under the same delivery id; with --all of every one.

    With --version that version, even if it was delivered. With --receiver, --since or --until alone what was confirmed:
    it is shown first, with a hash, and `--yes HASH` sends it. The bus that runs does it, or else the next one.
    """
    cli = cli_of(context)
    span = DeliverySelection(receiver, _moment(since), _moment(until))
    if number is None and not everything and version is None and (span != DeliverySelection() or yes is not None):
        if reason:
            checked_reason(reason)
        operate(cli, Many(Order(Operation.RESEND), span, _line, yes, reason, as_json=as_json))
    if since is not None or until is not None or yes is not None:
        raise typer.BadParameter("--since, --until and --yes go with --receiver or stand alone")
    _one_or_all(number, everything, version)
    count = _changed(cli, lambda journal: journal.do(delivering.Resend(number, receiver=receiver, version=version)))
    if as_json:
        cli.print_json({"sent_again": count})
    else:
        cli.out.print(f"{_versions(count)} sent again.")


@group.command("history")
def history(
    context: typer.Context,
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="As in the configuration.")],
    *,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="What the log has after this place, such as 1.4711.")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All that the log has, as far back as it is kept.")
    ] = False,
    reason: Reason = "",
    yes: Yes = None,
    as_json: AsJson = False,
) -> None:
    """Hand a receiver that came later the versions of before, in their order.

    Of an appeal of which it has a version already, on its way or delivered, it gets none that is older. What would go
    is shown first, with a hash, and `--yes HASH` does it; the bus that runs hands it over, or else the next one.
    """
    cli = cli_of(context)
    _configured(cli, receiver)
    if after is not None and from_beginning:
        raise typer.BadParameter("--after and --from-beginning exclude each other")
    if after is None and not from_beginning and yes is None:
        raise typer.BadParameter("say from where on: --after CURSOR, or --from-beginning")
    if reason:
        checked_reason(reason)
    said = after is not None or from_beginning
    selection = HistorySelection(receiver, cursor_of(after)) if said else DeliverySelection()
    order = Order(Operation.HISTORY, receiver=receiver)
    try:
        operate(cli, Many(order, selection, _line, yes, reason, as_json=as_json))
    except CursorRefused as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None


def cursor_of(text: str | None) -> Cursor | None:
    """Parse a cursor; BadParameter if invalid."""
    try:
        return None if text is None else Cursor.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None


def _configured(cli: Cli, receiver: str) -> None:
    known = cli.loaded.settings.deliveries
    if receiver not in known:
        hint = did_you_mean(receiver, known, "" if known else "there are none")
        cli.fail(f"The configuration has no delivery {one_line(receiver)}; {one_line(hint)}", EXIT_ABSENT)


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
