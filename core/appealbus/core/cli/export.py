"""`appealbus export`: dossiers or the log, as seen by a role or a client, for programs and spreadsheets."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from appealbus.core.cli.as_whom import Purpose, check, viewer_named
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.exportfile import (
    DOSSIER_COLUMNS,
    LOG_COLUMNS,
    ExportFile,
    NotOurs,
    as_csv,
    as_lines,
    dossier_row,
    log_row,
)
from appealbus.core.domain.event import Cursor, LogEntry
from appealbus.core.errors import JournalError
from appealbus.core.journal import access, feed, log
from appealbus.core.journal.errors import CursorRefused
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.masked_version import MaskedVersion, is_damage
from appealbus.core.rights.viewer import Action, Viewer
from appealbus.core.rights.views import Views

_PAGE = 100
"""Entries per read: a hundred usual dossiers have a megabyte."""
_HELD = 8 * 1024 * 1024
"""Bytes of dossiers buffered before a write, exceeded by at most one dossier."""


class Exported(StrEnum):
    DOSSIERS = "dossiers"
    LOG = "log"


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ExportOrder:
    what: Exported
    form: ExportFormat
    start: Cursor | None


def export(
    context: typer.Context,
    what: Annotated[Exported, typer.Argument(help="dossiers, or the log.")],
    as_: Annotated[str, typer.Option("--as", metavar="ROLE_OR_CLIENT", help="Whose view of it is exported.")],
    *,
    form: Annotated[ExportFormat, typer.Option("--format", help="jsonl or csv.")] = ExportFormat.JSONL,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Only what follows this place of the log.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="A file, which is gone on with where it ended; else standard output.")
    ] = None,
    purpose: Purpose = "",
) -> None:
    """Export dossiers, each version once, or the log, as a role or a client sees them.

    With --output a run that was broken off, or comes later, goes on where the last one ended: no row is there twice and
    none is lost. Who exports is noted.
    """
    cli = cli_of(context)
    try:
        start = None if after is None else Cursor.parse(after)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--after") from None
    try:
        asyncio.run(_export(cli, ExportOrder(what, form, start), as_, output, purpose))
    except CursorRefused as error:
        cli.fail(str(error), EXIT_ABSENT)
    except NotOurs as error:
        cli.fail(str(error), EXIT_PROBLEMS)


async def _export(cli: Cli, wanted: ExportOrder, name: str, output: Path | None, purpose: str) -> None:
    what, form, start = wanted.what, wanted.form, wanted.start
    async with cli.journal(write=True) as journal:
        viewer = await viewer_named(cli, journal, name)
        check(cli, viewer, Action.EXPORT, purpose)
        if what is Exported.LOG:
            check(cli, viewer, Action.LOG, purpose)
        options = {"what": what.value, "as": name, "format": form.value, "hidden": viewer.mask.hidden_rules}
        with nullcontext() if output is None else ExportFile(output, options) as file:
            if file is not None and file.cursor is not None:
                if start is not None:
                    raise NotOurs(f"{output} goes on by itself where it ended; leave --after out")
                start = Cursor.parse(file.cursor)
            await journal.do(access.Look(f"export {what}", purpose=purpose))
            write = _writer(cli, file, form, what)
            written = await _rows(journal, viewer, ExportOrder(what, form, start), write)
    cli.err.print(f"{written[0]} rows, up to {written[1]}")


def _writer(
    cli: Cli, file: ExportFile | None, form: ExportFormat, what: Exported
) -> Callable[[list[Any], Cursor], None]:
    headed = file is not None and file.cursor is not None

    def write(rows: list[Any], cursor: Cursor) -> None:
        nonlocal headed
        if form is ExportFormat.JSONL:
            written = as_lines(rows)
        else:
            cells = [dossier_row(row) if what is Exported.DOSSIERS else log_row(row) for row in rows]
            columns = DOSSIER_COLUMNS if what is Exported.DOSSIERS else LOG_COLUMNS
            written = as_csv(cells if headed else [columns, *cells])
            headed = True
        if file is not None:
            file.add(written, str(cursor))
            return
        cli.write_bytes(written)

    return write


async def _rows(
    journal: Journal, viewer: Viewer, wanted: ExportOrder, write: Callable[[list[Any], Cursor], None]
) -> tuple[int, Cursor]:
    views, count, cursor = Views(journal, viewer), 0, wanted.start
    while True:
        page = (
            await journal.ask(feed.page, cursor, _PAGE, places=viewer.places, kinds=viewer.kinds)
            if wanted.what is Exported.DOSSIERS
            else await journal.ask(log.page, cursor, _PAGE)
        )
        rows: list[Any] = []
        size = 0
        for entry in page.entries:
            if isinstance(entry, LogEntry):
                row = await _logged(views, entry)
            elif (seen := await _version(views, entry)) is None:
                row = None
            else:
                row = {"position": entry.position, "id": entry.public_id, "dossier": seen.document}
                size += len(seen.raw)
            if row is not None:
                rows.append(row)
                count += 1
            if size > _HELD and entry.position is not None:
                write(rows, Cursor(page.next.epoch, entry.position))
                rows, size = [], 0
        write(rows, page.next)
        cursor = page.next
        if not page.lag:
            return count, page.next


async def _version(views: Views, entry: Any) -> MaskedVersion | None:
    """Return the version of an entry, or None if it is hidden or damaged."""
    try:
        seen = await views.shows(entry)
        return seen if seen is not None and isinstance(seen.document, dict) else None
    except (ValueError, JournalError) as error:
        if not is_damage(error):
            raise
        return None


async def _logged(views: Views, entry: LogEntry) -> dict[str, Any] | None:
    shown = await views.logged(entry)
    if shown is None:
        return None
    document = {"position": shown.position, "at": shown.at.isoformat(), "what": shown.what, "number": shown.number}
    return document | {"actor": shown.actor, "about": shown.about, "detail": dict(shown.detail)}
