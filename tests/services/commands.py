"""Commands of the program, each in a process of its own, without the second of a processor that its imports take.

One process has imported the program and makes a copy of itself for each command. For what must be started as a person
does it, by its name and with all that happens then, there is `subprocess`.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.services.processes import PATIENCE

PROGRAM = Path(sys.executable).with_name("appealbus")
_FORKS = Path(__file__).with_name("forks.py")
_one_at_a_time = threading.Lock()


def run(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 60.0
) -> "subprocess.CompletedProcess[str]":
    """Run `appealbus` in a folder to its end.

    Args:
        folder: where it runs.
        arguments: of the command line.
        environment: all of it; else the test's own without what configures the program. What Python or the loader
            read as they start has no effect.
        timeout: seconds that it may take.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.

    """
    if environment is None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("APPEALBUS")}
    given = {
        "program": str(PROGRAM),
        "arguments": arguments,
        "folder": str(folder),
        "environment": {"COLUMNS": "200", **environment},
    }
    with _one_at_a_time, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        asked = _server()
        socket.send_fds(asked, [json.dumps(given).encode()], [out.fileno(), err.fileno()])
        process = _number(asked)
        asked.settimeout(timeout)
        try:
            code, late = _number(asked), False
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            asked.settimeout(PATIENCE)
            code, late = _number(asked), True
        asked.settimeout(PATIENCE)
        out.seek(0)
        err.seek(0)
        texts = out.read().decode(), err.read().decode("utf-8", "replace")
    done = subprocess.CompletedProcess([str(PROGRAM), *arguments], code, *texts)
    if late:
        raise subprocess.TimeoutExpired(done.args, timeout, done.stdout, done.stderr)
    return done


def _number(asked: socket.socket) -> int:
    """Read one line, byte by byte: the next one is not there yet."""
    text = b""
    while not text.endswith(b"\n"):
        letter = asked.recv(1)
        if not letter:
            raise AssertionError("the process that has the program imported is gone")
        text += letter
    return int(text)


@cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_FORKS), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def stop() -> None:
        ours.close()
        process.wait(30)

    atexit.register(stop)
    ours.settimeout(PATIENCE)
    _number(ours)  # it has imported the program
    return ours
