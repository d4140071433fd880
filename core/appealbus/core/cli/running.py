"""`appealbus run` and `appealbus prune`."""

import asyncio
import signal
from datetime import timedelta
from typing import Annotated, Any

import typer

from appealbus.core.bus import Bus
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.clocks import wall
from appealbus.core.parts import build
from appealbus.core.process import relieve_collector


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("prune")(prune)


def run(
    context: typer.Context,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End once nothing is left to do now; parked lookups stay parked.")
    ] = False,
    until_settled: Annotated[
        bool, typer.Option("--until-settled", help="As --until-idle, but wait for parked lookups too.")
    ] = False,
) -> None:
    """Run the bus: take appeals from the intakes, enrich them, deliver dossiers.

    Ends cleanly on SIGTERM and Ctrl-C: stops taking, lets what is in flight end within `bus.grace`, parks the
    rest, delivers, exits 0.
    """
    asyncio.run(_run(cli_of(context), until_idle or until_settled, until_settled))


async def _run(cli: Cli, ends: bool, parked: bool) -> None:
    parts = build(cli.loaded, cli.host)
    async with cli.journal(write=True) as journal:
        await journal.hold_run_lock()
        bus = Bus(cli.loaded, parts, journal)
        told_to_stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_stop.set)
        try:
            await bus.start()
            relieve_collector()
            bus.open_doors()
            waits: list[asyncio.Task[Any]] = [asyncio.create_task(told_to_stop.wait())]
            if ends:
                waits.append(asyncio.create_task(bus.settle(parked=parked)))
            done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            for task in done:
                task.result()
        finally:
            await bus.stop()


def prune(
    context: typer.Context,
    days: Annotated[
        float | None, typer.Option("--days", help="Keep what ended within so many days; else `bus.retention`.", min=0)
    ] = None,
    receiver: Annotated[
        str | None,
        typer.Option("--receiver", help="Delete first what waits for this receiver, which is configured no longer."),
    ] = None,
) -> None:
    """Delete appeals that are done, delivered and older than the retention. The access log stays."""
    cli = cli_of(context)
    if receiver in cli.loaded.settings.deliveries:
        raise typer.BadParameter(
            f"{receiver} is configured; take it out of [deliveries] first", param_hint="--receiver"
        )

    async def work() -> dict[str, int]:
        keep = timedelta(days=days) if days is not None else timedelta(seconds=cli.loaded.settings.bus.retention)
        async with cli.journal(write=True) as journal:
            dropped = {} if receiver is None else {"deliveries": await journal.drop_deliveries(receiver)}
            return dropped | await journal.prune(wall() - keep)

    removed = asyncio.run(work())
    cli.out.print(", ".join(f"{count} {what}" for what, count in removed.items()) or "nothing to delete")
