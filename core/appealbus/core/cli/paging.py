"""What every command that lists rows in pages has in common."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer

from appealbus.core.cli.context import Cli
from appealbus.core.domain.selection import Place

Row = TypeVar("Row")

After = Annotated[int, typer.Option(help="Start behind this id, to page on.", min=0)]
AfterPlace = Annotated[str, typer.Option("--after", metavar="PLACE", help="Go on behind this place of the last page.")]
Limit = Annotated[int, typer.Option(help="The most rows.", min=1, max=10_000)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def place_of(text: str) -> Place:
    """Return the place that somebody has written after `--after`.

    Raises:
        BadParameter: it is none.

    """
    try:
        return Place.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None


def print_page(
    cli: Cli, page: Sequence[Row], limit: int, show: Callable[[Row], None], *, as_json: bool, none: str, key: str = "id"
) -> None:
    """Print the rows of one page, and how to get at the next one.

    Args:
        cli: where to.
        page: the rows, as dataclasses.
        limit: how many were asked for: so many rows may have more behind them.
        show: prints one row for people.
        as_json: whether to print one JSON document instead; what is bytes in a row is left out of it.
        none: what to say where there is no row.
        key: the attribute by which the next page is asked for.

    """
    if as_json:
        cli.print_json([_told(row) for row in page])
        return
    for row in page:
        show(row)
    if not page:
        cli.out.print(none)
    if len(page) == limit:
        cli.out.print(f"There may be more: --after {getattr(page[-1], key)}")


def _told(row: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if not isinstance(value, bytes)}
