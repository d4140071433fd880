"""Runs the program on a terminal of its own for each command line in `sys.argv[1]`; tells what came and the exit codes.

One interpreter that forks: what it costs to start Python and to import the bus is paid once.
"""

import gc
import importlib
import json
import os
import pty
import signal
import sys
from functools import cache

import typer

from appealbus.core.cli.commands import OWN
from appealbus.core.cli.main import Cli, build, main
from appealbus.core.loading import discovery

SECONDS = 60


def shown(arguments: list[str]) -> tuple[str, int]:
    """Return what a terminal was sent, and the exit code."""
    sys.stdout.flush()
    child, terminal = pty.fork()
    if child == 0:
        signal.alarm(SECONDS)
        sys.argv = ["appealbus", *arguments]
        try:
            main()
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 0)
        os._exit(0)
    sent = bytearray()
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the child let go of it
            piece = b""
        if not piece:
            break
        sent += piece
    os.close(terminal)
    return sent.decode("utf-8", "surrogateescape"), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


discovery.entry_points = cache(discovery.entry_points)  # type: ignore[assignment]  # what is installed stays so
typer.main.get_group(build(Cli(None))).list_commands(None)  # imports what ships, for all of them
for name in (
    *(f"appealbus.core.cli.{each}" for each in ("opening", *OWN.values())),
    "typer.rich_utils",
    "rich.markdown",
):
    importlib.import_module(name)
gc.freeze()
json.dump([shown(arguments) for arguments in json.loads(sys.argv[1])], sys.stdout)
