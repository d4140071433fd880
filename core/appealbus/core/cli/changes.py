"""`appealbus changes`: the history of an appeal, and changes whose appeals are unknown."""

from contextlib import suppress
from typing import Annotated

import orjson
import typer

from appealbus.core.cli.audit_reads import Copy, look
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.paging import After, AsJson, Limit, print_page
from appealbus.core.cli.render import local
from appealbus.core.domain.change import KeptChange, counts_from, fields_of_change
from appealbus.core.escaping import one_line
from appealbus.core.journal.changes import changes as journal_changes
from appealbus.core.journal.changes.changes import ChangeRow
from appealbus.core.journal.journal import Journal
from appealbus.schemas.stored import CHANGE

Number = Annotated[str | None, typer.Argument(metavar="[NUMBER]", help="Of the appeal; none: what waits for its own.")]

_MOST_WARNINGS = 5


def changes(
    context: typer.Context,
    number: Number = None,
    after: After = 0,
    limit: Limit = 100,
    *,
    as_json: AsJson = False,
    copy: Copy = False,
) -> None:
    """List the changes of an appeal in the order in which they count; without a number, those that wait for theirs.

    With --json the whole of each. Who looks at an appeal's is noted.
    """
    cli = cli_of(context)
    if number is None:
        page = cli.read(lambda journal: journal.ask(journal_changes.waiting_changes, after, limit))
        none = "No change waits for its appeal."
        if not as_json and not after and len(page) == limit:
            _print_most(cli)
        print_page(cli, page, limit, lambda row: _print(cli, row), as_json=as_json, none=none)
        return
    wanted = number

    async def read(journal: Journal) -> list[ChangeRow]:
        rows = await journal.ask(journal_changes.changes, wanted)
        if rows is None:
            cli.no_appeal(wanted)
        return rows

    rows = look(cli, read, "changes", number=number, copy=copy)
    if as_json:
        cli.print_json([_as_json(row) for row in rows])
        return
    for row in rows:
        _print(cli, row)
    if not rows:
        cli.out.print(f"Nothing was said of {number} since it came.")


def _print_most(cli: Cli) -> None:
    """Print the appeals with the most waiting changes, since a page shows few of thousands."""
    most = cli.read(lambda journal: journal.ask(journal_changes.most_awaited))
    for channel, named, count in most:
        cli.out.print(f"{count} by {one_line(channel)} wait for {one_line(named)}")


def _print(cli: Cli, row: ChangeRow) -> None:
    counts = counts_from(row.dated_at, row.received_at)
    what = f"{local(counts):%Y-%m-%d %H:%M}  {one_line(row.kind) or 'of no known kind'}"
    about = "" if row.appeal_id is not None else f" of {row.number or f'the appeal with message {row.of_message}'}"
    refused = f"its sender may not make it: {row.refused}, in quarantine" if row.refused else ""
    late = "" if counts == row.dated_at else f"dated {local(row.dated_at):%Y-%m-%d}, so it counts from when it came"
    details = "".join(f"  {one_line(part)}" for part in (*_said(row), late, refused) if part)
    cli.out.print(f"{what}{one_line(about)}{details}  ({one_line(row.channel)}, message {one_line(row.message_id)})")


def _said(row: ChangeRow) -> list[str]:
    """Return the contents of a change; a damaged one does not stop the list."""
    if not row.document:
        return []
    try:
        change = CHANGE.read(row.document)
    except ValueError:
        return ["what it says cannot be read"]
    warnings = KeptChange.of(change, row.received_at).change.warnings
    return [
        ", ".join(fields_of_change(change)),
        f"to {change.to.name or change.to.bin}" if change.to is not None else "",
        f"until {change.due_on}" if change.due_on is not None else "",
        str(change.result or ""),
        change.reason or "",
        ", ".join(f"{warning.field}: {warning.code}" for warning in warnings[:_MOST_WARNINGS]),
    ]


def _as_json(row: ChangeRow) -> dict[str, object]:
    head = {"id": row.id, "received_at": row.received_at.isoformat(), "dated_at": row.dated_at.isoformat()}
    head["counts_from"] = counts_from(row.dated_at, row.received_at).isoformat()
    document = orjson.loads(row.document)
    with suppress(ValueError):  # one that is damaged is told as it is
        kept = KeptChange.of(CHANGE.read(row.document), row.received_at)
        document["warnings"] = [warning.model_dump() for warning in kept.change.warnings]
    return {**head, "change": document}
