"""`appealbus quarantine replay` and `close`: decisions of a person about quarantined messages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import structlog
import typer

from appealbus.core.bus.intake.quarantine_replay import Retaking, Tried, each_waiting, retake
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.person import checked_reason, person
from appealbus.core.journal import quarantine
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import QuarantineRow
from appealbus.core.rights.policy import read_policy

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    id: int
    done: bool
    text: str
    number: str | None = None
    """Number of the resulting appeal, or of the conflicting one."""


async def row_of(cli: Cli, journal: Journal, quarantine_id: int) -> QuarantineRow:
    """Return a quarantined message; end the program if there is none."""
    row = await journal.ask(quarantine.quarantine_row, quarantine_id)
    if row is None:
        cli.fail(f"There is no message {quarantine_id} in quarantine; see `appealbus quarantine list`.", EXIT_ABSENT)
    return row


MOST_ID = 2**63 - 1
"""Largest id that a database accepts."""


def close(
    context: typer.Context,
    ids: Annotated[list[int], typer.Argument(metavar="ID...", max=MOST_ID)],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks at it next.")],
    as_json: AsJson = False,
) -> None:
    """Say that nothing more is to become of messages: their corrected copies have come, or they were no appeals.

    They count no more, wait for `bus.retention`, and can still be taken with `replay ID --anyway`. Exits 1 if any
    could not be closed.
    """
    checked_reason(reason)
    cli, by = cli_of(context), person()

    async def close_each(journal: Journal) -> list[Done]:
        results = []
        for id in dict.fromkeys(ids):
            done = await journal.do(quarantine.Closing(id, by=by, reason=reason))
            results.append(
                Done(id, done, "closed") if done else _not_closed(id, await journal.ask(quarantine.quarantine_row, id))
            )
        return results

    results = cli.change(close_each)
    # The reason is a person's text: it is kept in the journal, and never logged.
    log.warning("quarantine.closed_by_hand", count=sum(result.done for result in results), actor=by)
    tell, flush = _teller(cli, as_json)
    for result in results:
        tell(result)
    flush()
    if not all(result.done for result in results):
        raise typer.Exit(EXIT_ABSENT if all(result.text == _ABSENT for result in results) else EXIT_PROBLEMS)


_ABSENT = "there is no such message in quarantine"


def _not_closed(quarantine_id: int, row: QuarantineRow | None) -> Done:
    if row is None:
        return Done(quarantine_id, False, _ABSENT)
    if row.replayed_at is not None:
        return Done(quarantine_id, False, f"was taken already, as {row.number or 'a change that waits'}", row.number)
    return Done(quarantine_id, False, f"was closed already by {row.closed_by}: {row.closed_reason}")


def replay(
    context: typer.Context,
    quarantine_id: Annotated[int | None, typer.Argument(metavar="[ID]", max=MOST_ID)] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every message that is in quarantine.")] = False,
    message_id: Annotated[
        str | None,
        typer.Option("--message-id", help="Take it under this id: where its own belongs to another message."),
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help="Take it as an appeal of its own where another has its number, a change that its sender may not make, "
            "or what was closed.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try again to take a message, once the cause is mended. A message that is taken twice is still one appeal.

    Where the id of a message belongs to another one that says something else, or an appeal with its number has come
    meanwhile, compare both; if it is a letter of its own, give it an id with --message-id, or take it with --anyway.

    Exits 1 if any could not be taken again; those stay where they are, with the new reason shown.
    """
    cli = cli_of(context)
    if (quarantine_id is None) == (not everything):
        raise typer.BadParameter("give one ID, or --all")
    if everything and (message_id is not None or anyway):
        raise typer.BadParameter("--message-id and --anyway are for one ID, not for --all")
    tell, flush = _teller(cli, as_json)
    how = Retaking(message_id, anyway, dry_run=dry_run)
    done = asyncio.run(_replay(cli, quarantine_id, how, tell))
    flush()
    if not done:
        raise typer.Exit(EXIT_PROBLEMS)


def _teller(cli: Cli, as_json: bool) -> tuple[Callable[[Done], None], Callable[[], None]]:
    """Return a function that reports one message, at once for people, and one that ends the report."""
    kept: list[Done] = []

    def tell(done: Done) -> None:
        if as_json:
            kept.append(done)
        elif done.done:
            cli.out.print(f"{done.id} {done.text}")
        else:
            cli.err.print(f"{done.id} {done.text}", style="red")

    def flush() -> None:
        if as_json:
            cli.print_json([asdict(result) for result in kept])

    return tell, flush


async def _replay(cli: Cli, quarantine_id: int | None, how: Retaking, tell: Callable[[Done], None]) -> bool:
    bus, due_on, policy, done = cli.loaded.settings.bus, cli.host.counting.due_on, read_policy(cli.loaded), True
    async with (
        cli.journal(write=not how.dry_run) as journal,
        contextlib.aclosing(Reception(journal, bus, due_on, policy)) as reception,
    ):
        rows = each_waiting(journal) if quarantine_id is None else _one(cli, journal, quarantine_id, anyway=how.anyway)
        async for row in rows:
            tried = await retake(reception, row, how)
            done &= tried.taken
            tell(_told(tried, how))
    return done


def _told(tried: Tried, how: Retaking) -> Done:
    row, number = tried.row, tried.number
    if tried.taken and how.dry_run:
        return Done(row.id, True, f"{row.position}: would be taken")
    if tried.taken:
        return Done(row.id, True, f"{row.position}: taken as {number or 'a change that waits'}", number or None)
    text = f"{row.position}: {tried.problem}"
    if tried.is_copy:
        # One that differs says itself which appeal has its id.
        came = f"; meanwhile appeal {number} came, which may be its corrected copy"
        text += "" if tried.code == "message.differs" else came
        text += f"; where it needs no more, `appealbus quarantine close {row.id} --reason …`"
    return Done(row.id, False, text, number)


async def _one(cli: Cli, journal: Journal, quarantine_id: int, *, anyway: bool) -> AsyncIterator[QuarantineRow]:
    row = await row_of(cli, journal, quarantine_id)
    if row.replayed_at is not None:
        cli.fail(f"Message {quarantine_id} was taken already, as {row.number}.", EXIT_ABSENT)
    if row.closed_at is not None and not anyway:
        closed = f"Message {quarantine_id} was closed by {row.closed_by}: {row.closed_reason}"
        cli.fail(f"{closed}; --anyway takes it all the same.", EXIT_PROBLEMS)
    yield row
