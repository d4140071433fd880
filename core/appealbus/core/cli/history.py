"""`appealbus history`: the full history of one appeal."""

from collections.abc import Sequence
from typing import Annotated

import orjson
import typer
from rich.text import Text

from appealbus.core.cli.appeals import Number
from appealbus.core.cli.as_whom import As, Purpose, history_seen
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.life import failures, life
from appealbus.core.cli.log_lines import Line, entry_as_json, local_second
from appealbus.core.cli.paging import AsJson
from appealbus.core.domain.event import EventType, LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.escaping import escaped_json, one_line
from appealbus.core.journal import log
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal

_PAGE = 1000
_WIDEST = 32
"""Width of the column before the text; longer lookup names push the text to the right."""


def history(
    context: typer.Context,
    number: Number,
    *,
    only_failed: Annotated[bool, typer.Option("--failed", help="Only what has failed.")] = False,
    after: Annotated[int, typer.Option(help="Start behind this position of the log, to page on.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="The most entries of the log.", min=1, max=10_000)] = 500,
    as_json: AsJson = False,
    as_: As = None,
    purpose: Purpose = "",
) -> None:
    """Tell the life of an appeal, oldest first: what came, who was asked and how often, versions, deliveries, people.

    The attempts of a question make one line, and runs that brought the same again are told once. With --json each
    entry of the log is a line.
    """
    cli = cli_of(context)
    begins: str | None = None
    if as_ is None:
        row, entries, begins = cli.read(
            lambda journal: _read(cli, journal, number, after, limit, only_failed=only_failed)
        )
        goes_on = entries[-1].position if len(entries) >= limit else None
    else:
        row, entries, goes_on = history_seen(cli, as_, number, after, limit, purpose=purpose)
        entries = [entry for entry in entries if entry.failed] if only_failed else entries
    if as_json:
        for entry in entries:
            cli.write(escaped_json(orjson.dumps({"position": entry.position, **entry_as_json(entry)})))
        return
    cli.out.print(_head(row), style="bold")
    if not after and begins is not None:
        cli.out.print(begins, style="dim")
    show(cli, list(failures(entries) if only_failed else life(entries)))
    if not entries:
        cli.out.print("Nothing has failed." if only_failed else "There is nothing more.")
    if goes_on is not None:
        cli.out.print(f"There may be more: --after {goes_on}")


def show(cli: Cli, lines: Sequence[Line]) -> None:
    width = max((len(line.head) for line in lines if len(line.head) <= _WIDEST), default=0)
    for line in lines:
        at = "" if line.at is None else local_second(line.at)
        head = Text(f"{one_line(line.head):<{width}}  ", style=line.style)
        cli.out.print(Text.assemble((f"{at:<19}  ", "dim"), head, one_line(line.text)), soft_wrap=True)


async def _read(
    cli: Cli, journal: Journal, number: str, after: int, limit: int, *, only_failed: bool
) -> tuple[AppealRow, list[LogEntry], str | None]:
    row = await journal.ask(lists.appeal_row, number)
    if row is None:
        cli.no_appeal(number)
    entries = await journal.ask(log.history, number, after, limit)
    begins = await _beginning(journal, row, entries) if not after else None
    if only_failed:
        entries = await _failures(journal, number, after, limit)
    return row, entries, begins


async def _failures(journal: Journal, number: str, after: int, limit: int) -> list[LogEntry]:
    entries: list[LogEntry] = []
    last: int | None = after
    while last is not None and len(entries) < limit:
        page = await journal.ask(log.history, number, last, _PAGE)
        entries += [entry for entry in page if entry.failed]
        last = page[-1].position if len(page) >= _PAGE else None
    return entries[:limit]


async def _beginning(journal: Journal, row: AppealRow, entries: Sequence[LogEntry]) -> str | None:
    """Return a note if the log lacks the beginning of the history."""
    if entries and entries[0].what == EventType.ACCEPTED:
        return None
    first = (await journal.ask(log.page, limit=1)).entries
    since = f" It goes back to {local_second(first[0].at)}." if first else ""
    if first and first[0].position == 1:
        return f"This appeal came before the log began: what happened first is not on record.{since}"
    return f"The beginning is gone: the log is kept for some time alone.{since}"


def _head(row: AppealRow) -> str:
    dossier = f"version {row.version} {row.completeness}" if row.version else "no dossier yet"
    due = f" until {local_second(row.due_at)}" if row.due_at else ""
    closed = f", {row.closed}" if row.closed else ""
    return (
        f"{row.number}  accepted {local_second(row.accepted_at)} by {row.channel}; {row.state}{due}{closed}, {dossier}"
    )
