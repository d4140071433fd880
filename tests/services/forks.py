"""The program, imported once: each command is a copy of this process, made by fork. Started by `commands.py`."""

import gc
import json
import os
import socket
import sys
from importlib import import_module
from importlib.metadata import entry_points

from appealbus.core.cli.commands import OWN
from appealbus.core.cli.main import main


def become(given: dict[str, object], files: list[int]) -> None:
    """Be the process that somebody would have started: its arguments, its folder, its environment, its output."""
    os.chdir(given["folder"])
    os.environ.clear()
    os.environ.update(given["environment"])
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    sys.argv = [given["program"], *given["arguments"]]
    sys.orig_argv = [sys.executable, *sys.argv]


def serve(asked: socket.socket) -> bool:
    """Make a copy for each command and tell its number, then its exit code. Return whether this is a copy."""
    while True:
        line, files, *_ = socket.recv_fds(asked, 1 << 20, 2)
        if not line:
            return False
        process = os.fork()
        if not process:
            asked.close()
            become(json.loads(line), files)
            return True
        for file in files:
            os.close(file)
        asked.sendall(b"%d\n" % process)
        asked.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


for each in entry_points(group="appealbus"):
    each.load()
for name in ("opening", *OWN.values()):  # what commands import when they are called
    import_module(f"appealbus.core.cli.{name}")
gc.freeze()
asked = socket.socket(fileno=int(sys.argv[1]))
asked.sendall(b"%d\n" % os.getpid())
if serve(asked):
    main()
