"""Runs an operation on many rows: preview, confirmation by hash, result."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, NoReturn

import structlog
import typer

from appealbus.core.cli.audit_reads import look
from appealbus.core.cli.context import Cli
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.listing import line_of
from appealbus.core.cli.person import checked_reason, person
from appealbus.core.cli.render import local
from appealbus.core.domain.event import FeedEntry
from appealbus.core.domain.operation import Frozen, ItemResult, Operation, OperationRow, Order, Progress
from appealbus.core.domain.selection import DeliverySelection, HistorySelection, Selection
from appealbus.core.errors import JournalError
from appealbus.core.escaping import one_line
from appealbus.core.journal import operations as journal_operations
from appealbus.core.journal.deliveries.deliveries import DeliveryRow
from appealbus.core.journal.journal import Journal
from appealbus.core.management import operations

log = structlog.get_logger(__name__)

Yes = Annotated[
    str | None, typer.Option("--yes", metavar="HASH", help="Do it, to the very rows that were shown with this hash.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log; needed where many are meant.")]

_TOLD = 1000
_WORDS = {
    ItemResult.DONE: "done",
    ItemResult.IN_WORK: "refused: a worker has it right now",
    ItemResult.HELD: "refused: it is held",
    ItemResult.NOT_HELD: "refused: it is not held",
    ItemResult.GONE: "gone",
    ItemResult.NEWER: "left out: the receiver has a newer version",
    ItemResult.NOTHING: "nothing to do",
}


@dataclass(frozen=True, slots=True)
class Many:
    order: Order
    selection: Selection | DeliverySelection | HistorySelection
    show: Callable[[DeliveryRow], str]
    yes: str | None
    reason: str
    purpose: str = ""
    as_json: bool = False


def operate(cli: Cli, many: Many) -> NoReturn:
    """Show a preview, or run the confirmed operation; raise Exit with the command's code."""
    if many.yes is not None and many.selection in (Selection(), DeliverySelection()):
        raise typer.Exit(_carry_out(cli, many, None))
    shown = _previewed(cli, many)
    if many.yes is None:
        _show(cli, many, shown)
        if not shown.frozen.ids or many.as_json or not sys.stdin.isatty():
            raise typer.Exit(0)
        if not typer.confirm("Do it?", err=True):
            cli.out.print("Nothing is changed.")
            raise typer.Exit(0)
    raise typer.Exit(_carry_out(cli, many, many.yes or shown.frozen.hash))


def _previewed(cli: Cli, many: Many) -> operations.Preview:
    async def preview(journal: Journal) -> operations.Preview:
        try:
            return await operations.preview(journal, await operations.freeze(journal, many.order, many.selection))
        except operations.TooMany as error:
            raise typer.BadParameter(str(error)) from None

    if isinstance(many.selection, Selection) and many.selection.named:
        what = many.order.operation.value
        return look(cli, preview, what, purpose=many.purpose, about=lambda shown: {"found": len(shown.frozen.ids)})
    return cli.read(preview)


def _show(cli: Cli, many: Many, shown: operations.Preview) -> None:
    frozen = shown.frozen
    rows = [*map(line_of, shown.appeals), *map(many.show, shown.deliveries), *map(_version, shown.versions)]
    if many.as_json:
        sample = [*map(asdict, shown.appeals), *map(asdict, shown.deliveries), *map(asdict, shown.versions)]
        head = {"operation": many.order.operation, "count": len(frozen.ids), "hash": frozen.hash}
        under_way = [asdict(row) for row in shown.under_way]
        cli.print_json({**head, "selected_by": frozen.selected_by, "sample": sample, "under_way": under_way})
        return
    for operation in shown.under_way:
        cli.err.print(_under_way(operation), style="yellow")
    for row in rows:
        cli.out.print(row)
    if not rows:
        cli.out.print("There is none like that.")
        return
    of = (
        f"{len(rows)} of {_counted(many, len(frozen.ids))}"
        if len(rows) < len(frozen.ids)
        else _counted(many, len(rows))
    )
    cli.out.print(f"{of}, and nothing is done yet. To {_do(many)} them: --yes {frozen.hash} --reason TEXT")


def _do(many: Many) -> str:
    receiver = many.order.receiver
    return f"hand {receiver}" if receiver else many.order.operation.value


def _under_way(row: OperationRow) -> str:
    group = "deliveries " if row.operation in (Operation.RESEND, Operation.HISTORY) else ""
    command = f"{group}{row.operation.value}"
    who = f"begun {local(row.at):%Y-%m-%d %H:%M:%S} by {row.by.removeprefix('person:')}: {row.reason}"
    how = f"Stopped by {row.stopped_by.removeprefix('person:')}" if row.stopped_by else "Not finished"
    return f"{how}: {command}, {row.seen} of {row.total} rows, {who}; `{command} --yes {row.hash}` goes on."


def _counted(many: Many, count: int) -> str:
    if isinstance(many.selection, HistorySelection):
        what = "version", "versions"
    else:
        what = ("delivery", "deliveries") if isinstance(many.selection, DeliverySelection) else ("appeal", "appeals")
    return f"{count} {what[count != 1]}"


def _version(entry: FeedEntry) -> str:
    return one_line(
        f"{entry.number}  version {entry.version}  {entry.completeness}, made {local(entry.at):%Y-%m-%d %H:%M:%S}"
    )


def _carry_out(cli: Cli, many: Many, confirmed: str | None) -> int:
    """Start the confirmed operation, or with None resume an interrupted one, and run it."""
    reason = many.reason
    if confirmed is not None:
        if not reason and sys.stdin.isatty():
            reason = typer.prompt("Why (it is noted)", err=True)
        checked_reason(reason)

    async def work(journal: Journal) -> int:
        mark = many.yes or confirmed or ""
        under_way = {row.hash: row for row in await journal.ask(journal_operations.under_way)}
        if mark in under_way and under_way[mark].operation is not many.order.operation:
            cli.fail(f"{mark} is something else. {_under_way(under_way[mark])}", EXIT_PROBLEMS)
        if confirmed is not None and mark not in under_way:
            frozen = await operations.freeze(journal, many.order, many.selection)
            await _begun(cli, journal, frozen, replace(many, yes=confirmed, reason=reason))
        elif mark not in under_way:
            cli.fail(f"No operation {mark} is under way; say which rows are meant.", EXIT_ABSENT)
        else:
            await journal.do(journal_operations.Switch(mark, reason=reason, go_on=True))
        return await _done(cli, journal, many, mark)

    return cli.change(work)


async def _begun(cli: Cli, journal: Journal, frozen: Frozen, many: Many) -> None:
    if not frozen.ids:
        cli.fail("There is none like that any more.", EXIT_PROBLEMS)
    try:
        begun = await operations.begin(journal, frozen, many.yes or "", reason=many.reason, purpose=many.purpose)
    except operations.SelectionChanged as error:
        cli.fail(f"{error} ({len(frozen.ids)} rows: --yes {frozen.hash})", EXIT_PROBLEMS)
    log.warning("operation.begun", operation=begun.operation.value, count=begun.total, actor=person())


async def _done(cli: Cli, journal: Journal, many: Many, mark: str) -> int:
    progress: Progress | None = None
    named: list[dict[str, str]] = []
    try:
        async for progress in operations.carry_out(journal, mark):
            for number, verdict in progress.left_out:
                if not many.as_json:
                    cli.out.print(f"{number}: {_WORDS[verdict]}")
                elif len(named) < _TOLD:
                    named.append({"row": number, "verdict": verdict.value})
    except asyncio.CancelledError:
        left = [row for row in await journal.ask(journal_operations.under_way) if row.hash == mark]
        done = f"{left[0].seen} of {left[0].total} rows" if left else "all rows"
        cli.err.print(f"Stopped: {done} have their verdict. `--yes {mark}` alone goes on with the others.")
        raise
    except JournalError as error:
        if error.code == "operation_stopped":
            cli.fail(f"Somebody has stopped it. `--yes {mark}` alone goes on with the others.", EXIT_PROBLEMS)
        if error.code != "unknown_operation":
            raise
        cli.fail("Somebody else has carried it out meanwhile.", EXIT_PROBLEMS)
    if progress is None:
        raise AssertionError("an operation has a part")
    log.warning("operation.carried_out", operation=progress.operation.value, count=progress.total, actor=person())
    if many.as_json:
        cli.print_json(_told(progress, named))
    else:
        verdicts = {_WORDS[ItemResult(verdict)]: count for verdict, count in progress.verdicts.items()}
        cli.out.print("; ".join(f"{count} {word}" for word, count in verdicts.items()))
    return EXIT_PROBLEMS if progress.refused else 0


def _told(progress: Progress, named: list[dict[str, str]]) -> dict[str, Any]:
    head = {"operation": progress.operation, "hash": progress.hash, "count": progress.total}
    left_out = progress.seen - progress.verdicts.get(ItemResult.DONE, 0)
    return {**head, "verdicts": progress.verdicts, "not_done": named, "not_named": left_out - len(named)}
