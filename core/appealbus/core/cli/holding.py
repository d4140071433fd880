"""`appealbus hold` and `appealbus release`: no work on one appeal until somebody says so."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import structlog
import typer

from appealbus.core.cli.appeals import Number
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT
from appealbus.core.cli.person import person
from appealbus.core.journal.journal import Journal

log = structlog.get_logger(__name__)

_LONGEST = 500
"""Characters of a reason: one that is longer is no reason any more but a file, which belongs elsewhere."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("hold")(hold)
    app.command("release")(release)


def hold(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks at it next.")],
) -> None:
    """Have nothing of one appeal worked any more, until `appealbus release`.

    Versions that are made go out all the same. A worker that has it in hand now lets go of it within seconds, and what
    it finds is refused.
    """
    checked_reason(reason)
    by = person()
    _change(cli_of(context), number, lambda journal: journal.hold_appeal(number, by=by, reason=reason))
    # The reason is a person's text: it is kept in the journal, and never logged.
    log.warning("case.held_by_hand", number=number, actor=by)
    cli_of(context).out.print(f"{number} is held; `appealbus release {number}` lets it go on.")


def release(context: typer.Context, number: Number) -> None:
    """Let a held appeal go on: it is worked again, by the bus that runs or else by the next one."""
    _change(cli_of(context), number, lambda journal: journal.release_appeal(number))
    log.warning("case.released", number=number, actor=person())
    cli_of(context).out.print(f"{number} is worked again.")


def _change(cli: Cli, number: str, change: Callable[[Journal], Coroutine[Any, Any, bool]]) -> None:
    if not cli.change(change):
        cli.fail(f"There is no appeal {number}.", EXIT_ABSENT)


def checked_reason(reason: str) -> None:
    """Refuse a reason that is none.

    Raises:
        BadParameter: it is empty, or endless.

    """
    if not reason.strip() or len(reason) > _LONGEST:
        raise typer.BadParameter(f"write one to {_LONGEST} characters", param_hint="--reason")
