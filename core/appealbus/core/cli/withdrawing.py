"""`appealbus withdraw`: removes a misread record and informs the receivers."""

from typing import Annotated

import typer

from appealbus.core.cli.appeals import Number
from appealbus.core.cli.context import cli_of
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.person import checked_reason, person
from appealbus.core.domain.case import LookupState
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.management.records import records
from appealbus.core.management.records import withdraw as withdrawn


def withdraw(
    context: typer.Context,
    number: Number,
    record: Annotated[
        str, typer.Argument(metavar="RECORD", help="As the dossier calls it: gbdfl.person, or gbdfl.person[KEY].")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the next version tells it.")],
) -> None:
    """Withdraw a record that was misread: the next version goes out without it and what was found by it, and says so.

    It is asked again with `appealbus retry`, once what misread it is mended.
    """
    checked_reason(reason)
    cli, by = cli_of(context), person()

    async def one(journal: Journal) -> bool:
        if await journal.ask(lists.appeal_row, number) is None:
            cli.no_appeal(number)
        there = await records(journal, number)
        meant = [state for state in there if record in (state.lookup, _titled(state))]
        if len(meant) != 1:
            names = ", ".join(map(_titled, there)) or "none"
            many = f"{number} has {len(meant)} records {record!r}" if meant else f"{number} has no record {record!r}"
            cli.fail(f"{many}; there are: {names}", EXIT_ABSENT)
        return await withdrawn(journal, number, meant[0], reason=reason, by=by)

    if not cli.change(one):
        cli.fail("It was asked again meanwhile, and nothing is changed: look at it again.", EXIT_PROBLEMS)
    cli.out.print(
        f"{record} of {number} is withdrawn; the next version says so. `appealbus retry {number}` asks again."
    )


def _titled(state: LookupState) -> str:
    return f"{state.lookup}[{state.key}]"
