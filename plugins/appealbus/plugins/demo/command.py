"""`appealbus demo`."""

import asyncio
import signal
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_STOPPED


def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the journal and the dossiers in this folder.", file_okay=False)
    ] = None,
) -> None:
    """Take 200 synthetic appeals through simulated agencies, some of which misbehave, and look at what comes out.

    Everything is real but the agencies: HTTP, SOAP, the SHEP gateway protocol, the journal on disk.
    """
    cli = cli_of(context)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        _run(cli, keep.resolve())
        cli.out.print()
        cli.out.print(f"Kept: {keep}/demo.db and {keep}/dossiers.jsonl")
        return
    with tempfile.TemporaryDirectory(prefix="appealbus-demo-") as folder:
        _run(cli, Path(folder))


def _run(cli: Cli, folder: Path) -> None:
    # Imported here: every other command would pay for the bus and the HTTP server too.
    from appealbus.plugins.demo.show import run

    if not asyncio.run(_ended(run(cli.out, folder))):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is to tidy up
        cli.fail("stopped", EXIT_STOPPED)


async def _ended(work: Coroutine[Any, Any, None]) -> bool:
    """Do the work; False if Ctrl-C cut it short. It lets go of everything first, however often Ctrl-C is pressed."""
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, told_to_stop.set)
    working, waiting = asyncio.create_task(work), asyncio.create_task(told_to_stop.wait())
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    for task in (working, waiting):
        task.cancel()
    await asyncio.wait((working, waiting))
    if working.cancelled():
        return False
    working.result()
    return True
