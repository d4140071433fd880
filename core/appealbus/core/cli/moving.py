"""`appealbus retry`, `refresh`, `hold` and `release`: moving one appeal, or all that are selected."""

from typing import Annotated, Any

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.operating import Many, Reason, Yes, operate
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.person import checked_reason, person
from appealbus.core.cli.selecting import Chosen, selects
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.operation import Operation, Order
from appealbus.core.journal.appeals import leases, lists
from appealbus.core.journal.journal import Journal
from appealbus.core.management import appeals

Number = Annotated[
    str | None, typer.Argument(metavar="NUMBER", help="One appeal; else say which ones are meant by options.")
]
Everything = Annotated[
    bool, typer.Option("--all-outcomes", help="Ask also what was refused or not found, and take nothing from memory.")
]


@selects
def retry(
    context: typer.Context,
    *,
    number: Number = None,
    everything: Everything = False,
    anew: Annotated[
        bool, typer.Option("--refresh", help="The same, and also what was found; as `appealbus refresh`.")
    ] = False,
    reason: Reason = "",
    yes: Yes = None,
    as_json: AsJson = False,
    chosen: Chosen,
) -> None:
    """Ask again at once what is still lacking, given up or not, once the cause is mended: of one appeal, or of many.

    Many are shown first, with a hash; `--yes HASH` does it to those. The bus that runs asks, or else the next one.
    """
    order = Order(Operation.REFRESH) if anew else Order(Operation.RETRY, everything)
    many = Many(order, chosen.selection, str, yes, _checked(reason), chosen.purpose, as_json)
    _ask_again(cli_of(context), many, _one(context, number, many))


@selects
def refresh(
    context: typer.Context,
    *,
    number: Number = None,
    reason: Reason = "",
    yes: Yes = None,
    as_json: AsJson = False,
    chosen: Chosen,
) -> None:
    """Ask everything again, what was found too: of one appeal, or of many. Records stay until newer ones come.

    Many are shown first, with a hash; `--yes HASH` does it to those.
    """
    many = Many(Order(Operation.REFRESH), chosen.selection, str, yes, _checked(reason), chosen.purpose, as_json)
    _ask_again(cli_of(context), many, _one(context, number, many))


@selects
def assess(
    context: typer.Context, *, reason: Reason = "", yes: Yes = None, as_json: AsJson = False, chosen: Chosen
) -> None:
    """Assess dossiers again as they stand, once an assessor that raised is mended, such as all `--unassessed`.

    No question is asked again for it. They are shown first, with a hash; `--yes HASH` does it to those.
    """
    many = Many(Order(Operation.ASSESS), chosen.selection, str, yes, _checked(reason), chosen.purpose, as_json)
    _one(context, None, many)


@selects
def hold(
    context: typer.Context,
    *,
    number: Number = None,
    reason: Reason = "",
    yes: Yes = None,
    as_json: AsJson = False,
    chosen: Chosen,
) -> None:
    """Have nothing of an appeal worked any more, until `appealbus release`: of one, or of many.

    Versions that are made go out all the same. A worker that has it in hand now lets go of it within seconds, and what
    it finds is refused. Many are shown first, with a hash; `--yes HASH` does it to those.
    """
    many = Many(Order(Operation.HOLD), chosen.selection, str, yes, _checked(reason), chosen.purpose, as_json)
    one = _one(context, number, many)
    checked_reason(reason)
    cli, by = cli_of(context), person()
    if not cli.change(lambda journal: appeals.hold(journal, one, reason=reason, by=by)):
        cli.no_appeal(one)
    _say(cli, as_json, {"number": one, "held": True}, f"{one} is held; `appealbus release {one}` lets it go on.")


@selects
def release(
    context: typer.Context,
    *,
    number: Number = None,
    reason: Reason = "",
    yes: Yes = None,
    as_json: AsJson = False,
    chosen: Chosen,
) -> None:
    """Let a held appeal go on, or many: it is worked again, by the bus that runs or else by the next one.

    Many are shown first, with a hash; `--yes HASH` does it to those.
    """
    many = Many(Order(Operation.RELEASE), chosen.selection, str, yes, _checked(reason), chosen.purpose, as_json)
    one = _one(context, number, many)
    cli, by = cli_of(context), person()
    if not cli.change(lambda journal: appeals.release(journal, one, reason=reason, by=by)):
        cli.no_appeal(one)
    _say(cli, as_json, {"number": one, "held": False}, f"{one} is worked again.")


def _one(context: typer.Context, number: str | None, many: Many) -> str:
    """Return the given number; with a selection, run the operation on it and end the command."""
    if number is None:
        if not many.selection and many.yes is None:
            raise typer.BadParameter("write NUMBER, or say which appeals are meant, such as --source egkn")
        operate(cli_of(context), many)
    if many.selection or many.yes is not None:
        raise typer.BadParameter("write NUMBER, or say which appeals are meant, not both")
    return number


def _ask_again(cli: Cli, many: Many, number: str) -> None:
    refresh = many.order.operation is Operation.REFRESH

    async def ask_again(journal: Journal) -> tuple[int | None, AppealRow | None]:
        count = await journal.do(leases.Retry(number, many.order.everything, refresh, many.reason))
        return count, await journal.ask(lists.appeal_row, number)

    count, row = cli.change(ask_again)
    if count is None:
        cli.no_appeal(number)
    if row is not None and row.closed:
        text = f"{number} was {row.closed}: nobody asks anything for it, unless it gets a new term or body."
    else:
        lookups = "lookup is" if count == 1 else "lookups are"
        text = f"{number} is worked again at once; {count} {lookups} asked again."
    _say(cli, many.as_json, {"number": number, "questions": count, "closed": row and row.closed}, text)


def _say(cli: Cli, as_json: bool, document: dict[str, Any], text: str) -> None:
    if as_json:
        cli.print_json(document)
    else:
        cli.out.print(text)


def _checked(reason: str) -> str:
    if reason:
        checked_reason(reason)
    return reason
