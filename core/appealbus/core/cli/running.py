"""`appealbus run` and `appealbus prune`."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated, Any

import structlog
import typer

from appealbus.core.bus.bus import Bus
from appealbus.core.bus.duties.retention import ages
from appealbus.core.cli.context import Cli, New, cli_of, started_again
from appealbus.core.cli.supervisor import become_supervisor
from appealbus.core.clocks import DAY
from appealbus.core.domain.event import BUS
from appealbus.core.health.facts import of_setting
from appealbus.core.journal import figures, pruning, retention
from appealbus.core.journal.appeals import claiming
from appealbus.core.loading.parts import build
from appealbus.core.process.runtime import relieve_collector, run_to_end
from appealbus.core.process.worker import worker
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.senders import missing

log = structlog.get_logger(__name__)

_CALLED_OFF = 2.0
"""Seconds for cancelled tasks. They end at once, and a hung one must not delay the stop."""


def run(
    context: typer.Context,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End once nothing is left to do now; parked lookups stay parked.")
    ] = False,
    until_settled: Annotated[
        bool, typer.Option("--until-settled", help="As --until-idle, but wait for parked lookups too.")
    ] = False,
    workers: Annotated[
        int,
        typer.Option("--workers", min=1, max=64, help="How many processes share the work; more than 1: PostgreSQL."),
    ] = 1,
    new: New = False,
) -> None:
    """Run the bus: take appeals from the intakes, enrich them, deliver dossiers.

    Ends cleanly on SIGTERM and Ctrl-C: stops taking, lets what is in flight end within `bus.grace`, parks the
    rest, delivers, exits 0. With `--workers` a supervisor does that for all of them, and starts again one that dies.
    """
    cli, ends = cli_of(context), until_idle or until_settled
    cli.new = new
    if workers == 1 or worker() is not None:
        with started_again(cli):
            run_to_end(_run(cli, ends, until_settled), cli.host.stray)
    else:
        with started_again(cli):
            asyncio.run(_prove(cli, workers))
        settings = cli.loaded.settings
        become_supervisor(
            workers, grace=settings.bus.grace, ends=ends, level=settings.log.level, form=settings.log.format
        )


async def _prove(cli: Cli, workers: int) -> None:
    """Check once, before any worker starts, what all workers need."""
    if cli.loaded.settings.bus.journal.startswith("sqlite"):
        text = f'{workers} workers cannot share an SQLite file; write "postgresql://…", or run with --workers 1'
        raise cli.loaded.error(text, "bus", "journal")
    build(cli.loaded, cli.host)
    async with cli.journal(write=True, ends_workers=True):
        pass  # it is there, and of our version from now on


async def _run(cli: Cli, ends: bool, parked: bool) -> None:
    parts = build(cli.loaded, cli.host)
    for warning in cli.loaded.open_secrets():
        log.warning("config.secret_open", reason=warning)
    for clash in cli.host.record_clashes():
        log.warning("plugin.record_clash", reason=clash)
    async with cli.journal(write=True, ends_workers=True) as journal:
        journal.actor = BUS  # until the bus names its worker
        await journal.hold_run_lock()
        if lacks := await missing(journal, cli.loaded, read_policy(cli.loaded)):
            log.warning("policy.changes_missing", reason=lacks)
        for finding in await of_setting(journal, cli.loaded.settings, len(parts.nodes)):
            log.warning("bus.has_none", part=finding.about, reason=finding.detail)
        member = worker()
        if member is not None and member.before:
            await claiming.bury(journal, member.before)
        bus = Bus(cli.loaded, parts, journal, name=member.name if member is not None else "")
        told_to_stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_stop.set)
        if member is not None:
            loop.add_reader(member.leash, _let_go, member.leash, told_to_stop)
        why: BaseException | None = None
        try:
            bus.watchdog.start()
            await _first(bus.start(), told_to_stop.wait())
            if not told_to_stop.is_set():
                relieve_collector()
                if member is not None:
                    member.started()
                bus.open_doors()
                ends_itself = [bus.settle(parked=parked)] if ends else []
                await _first(told_to_stop.wait(), bus.clock_watch.over(), *ends_itself)
        except BaseException as error:
            why = error
            raise
        finally:
            await bus.stop(why)


async def _first(*work: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first to end, raise its exception, and cancel the others."""
    waits = [asyncio.create_task(one) for one in work]
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending, timeout=_CALLED_OFF)
    for task in done:
        task.result()


def _let_go(leash: int, told_to_stop: asyncio.Event) -> None:
    """Stop when the supervisor is gone, since nobody else would."""
    asyncio.get_running_loop().remove_reader(leash)
    log.error("worker.left_alone")
    told_to_stop.set()


def prune(
    context: typer.Context,
    days: Annotated[
        float | None, typer.Option("--days", help="Keep what ended within so many days; else `bus.retention`.", min=0)
    ] = None,
    receiver: Annotated[
        str | None,
        typer.Option("--receiver", help="Delete first what waits for this receiver, which is configured no longer."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it would be.")] = False,
) -> None:
    """Delete what is past its retention: appeals that are done and delivered, and what has a setting of its own."""
    cli = cli_of(context)
    if receiver in cli.loaded.settings.deliveries:
        raise typer.BadParameter(
            f"{receiver} is configured; take it out of [deliveries] first", param_hint="--receiver"
        )

    done = None if days is None else days * DAY

    async def work() -> dict[str, int]:
        if dry_run:
            async with cli.journal() as journal:
                now, counts = journal.now(), await journal.ask(figures.counts)
                waits = sum(by_receiver.get(receiver or "", 0) for by_receiver in (counts.outbox, counts.alone))
                dropped = {} if receiver is None else {"deliveries": waits}
                return dropped | await journal.ask(
                    retention.count, ages(cli.loaded.settings, now, done=done), now, receiver
                )
        async with cli.journal(write=True) as journal:
            dropped = (
                {} if receiver is None else {"deliveries": await retention.all_of(journal, pruning.Gone(receiver))}
            )
            return dropped | await retention.prune(journal, ages(cli.loaded.settings, journal.now(), done=done))

    counts = asyncio.run(work())
    text = ", ".join(f"{count} {what}" for what, count in counts.items())
    cli.out.print(f"{text} would be deleted" if dry_run else text)
