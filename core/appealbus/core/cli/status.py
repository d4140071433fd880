"""`appealbus status`."""

from dataclasses import asdict
from datetime import datetime, timedelta

import typer
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.paging import AsJson
from appealbus.core.clocks import wall
from appealbus.core.config.models import Configuration
from appealbus.core.domain.counts import Counts
from appealbus.core.escaping import one_line
from appealbus.core.health.facts import of_setting
from appealbus.core.health.finding import Finding
from appealbus.core.journal import figures, state
from appealbus.core.journal import workers as journal_workers
from appealbus.core.journal.clock import in_doubt
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.mark import JournalState
from appealbus.core.journal.workers import WorkerState


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what the journal holds now: appeals by state, quarantine, what receivers still lack, who works."""
    cli = cli_of(context)
    counts, workers, standing, lacks = cli.read(lambda journal: _read(journal, cli.loaded.settings))
    if as_json:
        also = {"workers": [asdict(worker) for worker in workers], "epoch": standing.epoch, "doubt": standing.doubt}
        cli.print_json({**asdict(counts), **also, "lacks": [lack.plain for lack in lacks]})
    else:
        for lack in lacks:
            cli.out.print(f"{lack.about:<12}{lack.detail}", style="yellow")
        cli.out.print(status_view(counts, workers, wall(), standing))


async def _read(
    journal: Journal, settings: Configuration
) -> tuple[Counts, list[WorkerState], JournalState, list[Finding]]:
    counts, workers, standing = (
        await journal.ask(figures.counts),
        await journal.ask(journal_workers.workers),
        await journal.ask(state.how_it_stands),
    )
    return counts, workers, standing, await of_setting(journal, settings)


def status_view(
    counts: Counts, workers: list[WorkerState], now: datetime, standing: JournalState | None = None
) -> RenderableType:
    """Format for people, with ages instead of times."""
    states = {"ready": counts.ready, "in work": counts.in_work, "parked": counts.parked, "idle": counts.idle}
    oldest = f"; the oldest unfinished is {_age(now, counts.oldest_unfinished)} old" if counts.oldest_unfinished else ""
    flying = sum(worker.in_flight for worker in workers)
    who = f"{len(workers)} alive, {flying} appeals in flight" if workers else "none is alive"
    lines = [
        Text(f"appeals     {', '.join(f'{count} {name}' for name, count in states.items())}{oldest}"),
        Text(f"quarantine  {counts.quarantine}", "red" if counts.quarantine else ""),
        Text(f"workers     {who}", "" if workers else "yellow"),
    ]
    if counts.alone:
        text = ", ".join(f"{count} for {receiver}" for receiver, count in sorted(counts.alone.items()))
        lines.append(Text(f"alone       {text}; see `appealbus deliveries list`", "red"))
    if counts.suspect:
        lines.append(Text(f"suspect     {counts.suspect} left by dead workers, taken one at a time", "yellow"))
    if counts.lacking:
        text = ", ".join(f"{count} {name}" for name, count in counts.lacking.items())
        lines.append(Text(f"lacking     {text}: not loaded; see `appealbus check`", "red"))
    if counts.waiting_changes:
        by = ", ".join(f"{count} by {one_line(channel)}" for channel, count in counts.waiting_by_channel.items())
        text = f"{counts.waiting_changes - counts.refused_changes} wait for appeals that are not known"
        if counts.refused_changes:
            text += f", {counts.refused_changes} that are in quarantine stand beside them"
        lines.append(Text(f"changes     {text} ({by}); see `appealbus changes`", "yellow"))
    if counts.held:
        lines.append(Text(f"held        {counts.held}; see `appealbus appeals --state held`", "red"))
    if standing is not None and standing.epoch > 1:
        lines.append(Text(f"epoch       {standing.epoch}: the journal was restored"))
    if standing is not None and standing.doubt is not None:
        lines.append(Text(f"clock       in doubt, nothing is deleted or given up: {in_doubt(standing)}", "red"))
    if not counts.outbox:
        return Group(*lines, Text("deliveries  none waits"))
    table = Table(Column("receiver", no_wrap=True), "waiting", "oldest", box=SIMPLE, pad_edge=False)
    for receiver, count in sorted(counts.outbox.items()):
        since = counts.oldest_undelivered.get(receiver)
        table.add_row(Text(one_line(receiver)), str(count), _age(now, since) if since else "")
    return Group(*lines, table)


def _age(now: datetime, since: datetime) -> str:
    seconds = max(timedelta(), now - since) // timedelta(seconds=1)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
