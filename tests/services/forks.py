"""The program, imported once: each command is a copy of this process, made by fork. Started by `commands.py`."""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from functools import cache

from appealbus.core.cli.commands import OWN
from appealbus.core.cli.main import main
from appealbus.core.loading import discovery
from tests.services import migrations, workers


def become(given: dict[str, object], files: list[int]) -> None:
    """Be the process that somebody would have started: its arguments, its folder, its environment, its output."""
    os.chdir(given["folder"])
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    sys.argv = [given["program"], *given["arguments"]]
    sys.orig_argv = [sys.executable, *sys.argv]
    workers.have(given["environment"])


def serve(asked: socket.socket) -> dict[str, object] | None:
    """Make a copy for each command and tell its number, then its exit code. Return, in a copy, what was asked for."""
    running: dict[int, tuple[int, int]] = {}
    waits = select.poll()
    waits.register(asked, select.POLLIN)
    while True:
        for ready, _ in waits.poll():
            if ready != asked.fileno():
                waits.unregister(ready)
                process, told = running.pop(ready)
                _tell(told, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
                os.close(told)
                os.close(ready)
                continue
            line, files, *_ = socket.recv_fds(asked, 1 << 20, 3)
            if not line:
                return None
            told, *files = files
            process = os.fork()
            if not process:
                for each in (asked.detach(), told, *running, *(told for _, told in running.values())):
                    os.close(each)
                given: dict[str, object] = json.loads(line)
                become(given, files)
                return given
            for file in files:
                os.close(file)
            _tell(told, process)
            ended = os.pidfd_open(process)
            running[ended] = process, told
            waits.register(ended, select.POLLIN)


def _tell(whom: int, number: int) -> None:
    """Write a number to the test that started a command; it may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(whom, b"%d" % number)


ROOT = os.environ["PYTHONPATH"]
sys.path.remove(ROOT)  # a copy finds what the program finds, and not the tests
discovery.entry_points = cache(discovery.entry_points)  # type: ignore[assignment]  # what is installed stays so
for each in discovery.find(()):
    each.load()
for name in ("opening", *OWN.values()):  # what commands import when they are called
    importlib.import_module(f"appealbus.core.cli.{name}")
for name in (
    "psycopg",  # what reaches a journal
    *(f"appealbus.plugins.{plugin}.command" for plugin in ("repeats", "report", "surges")),  # nearly every command's
    *("typer.rich_utils", "rich.markdown"),  # what says how a command is called
):
    importlib.import_module(name)
migrations.once()
migrations.see()
gc.freeze()
asked = socket.socket(fileno=int(sys.argv[1]))
_tell(asked.fileno(), os.getpid())
given = serve(asked)
if given is not None:
    # As a terminal gives it: tests that a script runs in the background have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "--workers" in sys.argv:
        workers.supervise()
    try:
        if given["script"] is None:
            main()
        else:
            sys.path.insert(0, ROOT)
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        workers.leave(workers.code_of(end))
    workers.leave(0)
