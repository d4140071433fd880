"""Shared code of commands that list rows in pages."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer

from appealbus.core.cli.context import Cli
from appealbus.core.domain.selection import ListPosition

Row = TypeVar("Row")

After = Annotated[int, typer.Option(help="Start behind this id, to page on.", min=0)]
AfterPlace = Annotated[str, typer.Option("--after", metavar="PLACE", help="Go on behind this place of the last page.")]
Limit = Annotated[int, typer.Option(help="The most rows.", min=1, max=10_000)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def place_of(text: str) -> ListPosition:
    """Parse the value of `--after`; BadParameter if invalid."""
    try:
        return ListPosition.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None


def print_page(
    cli: Cli, page: Sequence[Row], limit: int, show: Callable[[Row], None], *, as_json: bool, none: str, key: str = "id"
) -> None:
    """Print one page, and the command for the next one.

    Args:
        page: the rows, as dataclasses.
        limit: requested rows; a full page may have more behind it.
        as_json: print one JSON document instead, without bytes fields.
        none: text for an empty page.
        key: attribute that identifies the next page.
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
