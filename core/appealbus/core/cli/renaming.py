"""`appealbus rename`: applies a channel's renames to received appeals; preview first, then the change."""

import asyncio
from collections import Counter, defaultdict
from typing import Annotated, NamedTuple

import structlog
import typer
from rich.table import Table

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_PROBLEMS
from appealbus.core.cli.misnamed import Left, page_of, write
from appealbus.core.cli.person import checked_reason, person
from appealbus.core.cli.render import appeals
from appealbus.core.clocks import day_of, wall
from appealbus.core.errors import AppealBusError
from appealbus.core.journal.journal import Journal
from appealbus.schemas.renames import Rename

log = structlog.get_logger(__name__)

_SAMPLE = 3


class _These(NamedTuple):
    channel: str
    renames: list[Rename]
    reason: str


class _Found:
    """Number of appeals, with examples, per rename and per reason to skip."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.sample: defaultdict[str, list[str]] = defaultdict(list)
        self.appeals = 0
        self.last = 0

    def add(self, what: str, number: str) -> None:
        self.counts[what] += 1
        if len(self.sample[what]) < _SAMPLE:
            self.sample[what].append(number)


def rename(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Whose appeals; `bus.renames` says what it means.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the next version tells it.")] = "",
) -> None:
    """Read what a channel misnamed in appeals that came, by its `bus.renames`: each is corrected so, with a reason.

    The appeals as they were written stay. First it shows in how many there is what, without any value.
    """
    if not dry_run:
        checked_reason(reason)
    cli = cli_of(context)
    renames = cli.loaded.settings.bus.renames_of(channel, day_of(wall()))
    if not renames:
        cli.fail(f"`bus.renames` names nothing of the channel {channel} today.", EXIT_PROBLEMS)
    these = _These(channel, renames, reason)
    tally = cli.read(lambda journal: _look(journal, these))
    _show(cli, tally, renames)
    if tally.appeals and not dry_run:
        if not yes and not typer.confirm(f"Change {appeals(tally.appeals)}?"):
            cli.out.print("Nothing is changed.")
            return
        cli.change(lambda journal: _change(cli, journal, these, tally))
    if not {Left.HELD, Left.UNREADABLE, Left.REFUSED}.isdisjoint(tally.counts):
        raise typer.Exit(EXIT_PROBLEMS)


async def _look(journal: Journal, these: _These) -> _Found:
    tally, after = _Found(), 0
    while True:
        page, last = await page_of(journal, *these[:2], after, these.reason)
        for appeal in page:
            for what in [appeal.left.value] if appeal.left else [f"{path} → {to}" for path, to in appeal.renames]:
                tally.add(what, appeal.number)
            tally.appeals += appeal.change is not None
        if last is None:
            return tally
        tally.last = after = last


async def _change(cli: Cli, journal: Journal, these: _These, tally: _Found) -> None:
    """Apply the previewed renames page by page; changed appeals no longer match."""
    done, after = 0, 0
    accepted_by = cli.loaded.settings.bus.accepted_by
    try:
        while after < tally.last:
            page, last = await page_of(journal, *these[:2], after, these.reason)
            changes = [(appeal.number, appeal.change) for appeal in page if appeal.change is not None]
            results = await asyncio.gather(*(write(journal, change, accepted_by) for _, change in changes))
            done += results.count(None)
            for (number, _), left in zip(changes, results, strict=True):
                if left is not None:
                    tally.add(left.value, number)
                    cli.err.print(f"{number}: {left}", style="yellow")
            after = tally.last if last is None else last
    except (asyncio.CancelledError, AppealBusError):
        cli.err.print(f"Stopped: {appeals(done)} of {tally.appeals} changed. The same command goes on with the rest.")
        raise
    finally:
        log.warning("appeals.renamed", channel=these.channel, count=done, actor=person())
    cli.out.print(f"{appeals(done)} changed, and worked on next; each new version is delivered.")


def _show(cli: Cli, tally: _Found, renames: list[Rename]) -> None:
    table = Table("appeals", "what", "such as", box=None, pad_edge=False)
    for what, count in sorted(tally.counts.items(), key=lambda item: -item[1]):
        left = what in {value.value for value in Left}
        table.add_row(str(count), f"not changed: {what}" if left else what, ", ".join(tally.sample[what]))
    for rename in renames:
        if not tally.counts[f"{rename.path} → {rename.to}"]:
            table.add_row("0", f"{rename.path} → {rename.to}", "")
    cli.out.print(table)
    cli.out.print(f"{appeals(tally.appeals)} would be changed.")
