"""The masked view of one appeal, for people and for programs."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import orjson
import typer

from appealbus.core.cli.as_whom import look_as
from appealbus.core.cli.context import Cli
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.render import dossier_view
from appealbus.core.domain.event import LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.enrichment.fields import FieldError, FieldValue
from appealbus.core.escaping import escaped_json, escaped_xml, one_line
from appealbus.core.language import Reader
from appealbus.core.rights.masked_version import Seen
from appealbus.core.rights.viewer import Action
from appealbus.core.rights.views import Views
from appealbus.schemas.maskedxml import masked_to_xml
from appealbus.schemas.stored import DOSSIER


def show_dossier(
    cli: Cli, name: str, number: str, version: int | None, form: str, *, copy: bool, purpose: str, to: Reader
) -> None:
    async def read(views: Views, row: AppealRow) -> tuple[Seen, date | None]:
        seen = await views.dossier(row, version)
        if seen is None:
            which = "no dossier yet" if version is None else f"no version {version}"
            cli.fail(f"{number} has {which} that {name} sees.", EXIT_ABSENT)
        return seen, (await views.row(row)).due_on if version is None else None

    def about(result: tuple[Seen, date | None]) -> dict[str, int]:
        return {"version": result[0].version}

    seen, counted = look_as(cli, name, Action.DOSSIER, number, read, copy=copy, purpose=purpose, about=about)
    if form == "json":
        cli.write(escaped_json(seen.raw))
    elif form == "xml":
        cli.write(escaped_xml(masked_to_xml(seen.document)))
    elif "hidden" in seen.document:
        _print_rows(cli, seen.document)
    else:
        cli.out.print(dossier_view(DOSSIER.read(seen.raw), to, counted=counted))


def show_why(cli: Cli, name: str, number: str, *, as_json: bool, copy: bool, purpose: str) -> None:
    """Show visible gaps; exits as `why` does."""

    async def read(views: Views, row: AppealRow) -> dict[str, Any]:
        document = await views.why(row)
        if document is None:
            cli.fail(f"{number} has no dossier yet that {name} sees.", EXIT_ABSENT)
        return document

    document = look_as(cli, name, Action.WHY, number, read, copy=copy, purpose=purpose)
    if as_json:
        cli.print_json(document)
    else:
        _print_rows(cli, document)
    if document["held"] or document.get("completeness", "complete") != "complete":
        raise typer.Exit(EXIT_PROBLEMS)


def fields_seen(
    cli: Cli, name: str, number: str, field: str, version: int | None, *, copy: bool, purpose: str
) -> list[FieldValue]:
    async def read(views: Views, row: AppealRow) -> list[FieldValue]:
        try:
            values = await views.explain(row, field, version)
        except FieldError as error:
            cli.fail(str(error), EXIT_ABSENT)
        if values is None:
            cli.fail(f"{number} has no such version that {name} sees.", EXIT_ABSENT)
        return values

    return look_as(cli, name, Action.EXPLAIN, number, read, copy=copy, purpose=purpose)


def history_seen(
    cli: Cli, name: str, number: str, after: int, limit: int, *, purpose: str
) -> tuple[AppealRow, list[LogEntry], int | None]:
    """Return the visible state and history of an appeal, and the position of the next page."""

    async def read(views: Views, row: AppealRow) -> tuple[AppealRow, list[LogEntry], int | None]:
        page = await views.history(row, after, limit)
        return await views.row(row), list(page.entries), page.next

    return look_as(cli, name, Action.HISTORY, number, read, purpose=purpose)


def _print_rows(cli: Cli, document: Any) -> None:
    rows = list(_rows(document))
    width = max((len(path) for path, _ in rows if len(path) <= 60), default=0)
    for path, value in rows:
        cli.out.print(f"{one_line(path):<{width}}  {one_line(value)}")


def _rows(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield a row per value. If a list has fewer names than items, positions replace names."""
    match value:
        case dict():
            for name, item in value.items():
                yield from _rows(item, f"{path}.{name}" if path else name)
        case list():
            for at, item in enumerate(value):
                yield from _rows(item, f"{path}[{at}]")
        case None:
            return
        case str():
            yield path, value
        case _:
            yield path, orjson.dumps(value, default=str).decode()
