"""`appealbus demo`."""

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from appealbus.core import ConfigError
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_STOPPED

_EXTRA = ("fastapi", "jsonpatch", "uvicorn", "jinja2", "authlib")


def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the journal and the dossiers in this folder.", file_okay=False)
    ] = None,
    console: Annotated[
        bool, typer.Option("--console", help="Let it run on, with the console to look at it, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", help="Of the console on 127.0.0.1; else one that is free.", min=0, max=65535)
    ] = 0,
) -> None:
    """Take 200 synthetic appeals through simulated agencies, some of which misbehave, and look at what comes out.

    Everything is real but the agencies: HTTP, SOAP, the SHEP gateway protocol, the journal on disk. With `--console`
    appeals come without end, and one looks at them in a browser; Ctrl-C and SIGTERM end that, with exit code 0.
    """
    cli = cli_of(context)
    if port and not console:
        raise typer.BadParameter("it is the console's; say --console, too", param_hint="--port")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(port)) if console else None
        if keep is None:
            keep_in = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="appealbus-demo-")))
        else:
            keep.mkdir(parents=True, exist_ok=True)
            keep_in = keep.resolve()
        if listener is None:
            _run(cli, keep_in)
        else:
            _look(cli, keep_in, listener)
    if keep is not None:
        cli.out.print()
        cli.out.print(f"Kept: {keep}/demo.db" + ("" if console else f" and {keep}/dossiers.jsonl"))


def listening(port: int) -> socket.socket:
    """Listen before anything else, so that a port in use is reported at once."""
    if any(find_spec(name) is None for name in _EXTRA):
        raise ConfigError("the console needs more packages: pip install '.[console]' in a checkout of the bus")
    try:
        return socket.create_server(("127.0.0.1", port), backlog=512)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ConfigError(
            f"the console cannot listen on 127.0.0.1:{port}: {reason}; name another --port, or none"
        ) from None


def _look(cli: Cli, folder: Path, listener: socket.socket) -> None:
    from appealbus.demo.live import run

    asyncio.run(run(cli, folder, listener))


def _run(cli: Cli, folder: Path) -> None:
    # Imported here: every other command would pay for the bus and the HTTP server too.
    from appealbus.demo.show import run

    if not asyncio.run(_ended(run(cli.out, folder))):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is to tidy up
        cli.fail("stopped", EXIT_STOPPED)


async def _ended(work: Coroutine[Any, Any, None]) -> bool:
    """Run the work; return False on Ctrl-C. It always cleans up first, even if Ctrl-C is pressed again."""
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
