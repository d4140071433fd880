"""The program, each time in a process of its own, without the second of a processor that its imports take.

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
_ROOT = Path(__file__).parents[2]
_LOADED = ("LD_PRELOAD", "FAKETIME_")
"""What the loader and a library that it loads read as a process starts: each choice of it needs one that has it."""
_one_at_a_time = threading.Lock()


class Started:
    """A command that runs, with what is used of `subprocess.Popen`."""

    def __init__(self, pid: int, told: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._told = told

    def poll(self) -> int | None:
        """Return its exit code, or the signal that ended it as a negative number; None while it runs."""
        if self.returncode is None:
            with suppress(TimeoutError, BlockingIOError):
                self._read(0.0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait until it has ended; return its exit code."""
        if self.returncode is None:
            try:
                self._read(timeout)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(PROGRAM), timeout) from None
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout: float) -> None:
        self._told.settimeout(timeout)
        self.returncode = _number(self._told)
        self._told.close()


def start(
    folder: Path, *arguments: str, environment: Mapping[str, str], out: int, err: int, script: Path | None = None
) -> Started:
    """Start `appealbus` in a folder, or a script of the tests.

    Args:
        folder: where it runs.
        arguments: of the command line.
        environment: all of it. What Python reads as it starts has no effect.
        out: the file that its output goes to.
        err: the file that its errors and its log go to.
        script: what is run in its place.

    """
    given = {
        "script": None if script is None else str(script),
        "program": str(script or PROGRAM),
        "arguments": arguments,
        "folder": str(folder),
        "environment": {"COLUMNS": "200", **environment},
    }
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    loaded = {key: value for key, value in environment.items() if key.startswith(_LOADED)}
    with theirs, _one_at_a_time:
        socket.send_fds(
            _server(tuple(sorted(loaded.items()))), [json.dumps(given).encode()], [theirs.fileno(), out, err]
        )
        ours.settimeout(PATIENCE)
        return Started(_number(ours), ours)


def own_environment() -> dict[str, str]:
    """Return the test's environment without what configures the program, and in nobody's language."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("APPEALBUS")}
    return {**kept, "LC_ALL": "C.UTF-8"}


def run(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = PATIENCE
) -> "subprocess.CompletedProcess[str]":
    """Run `appealbus` in a folder to its end.

    Args:
        folder: where it runs.
        arguments: of the command line.
        environment: as `start` takes it; else the test's own without what configures the program.
        timeout: seconds that it may take.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.

    """
    if environment is None:
        environment = own_environment()
    late = False
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(folder, *arguments, environment=environment, out=out.fileno(), err=err.fileno())
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)
            late = True
        out.seek(0)
        err.seek(0)
        texts = out.read().decode(), err.read().decode("utf-8", "replace")
    done = subprocess.CompletedProcess([str(PROGRAM), *arguments], process.wait(0), *texts)
    if late:
        raise subprocess.TimeoutExpired(done.args, timeout, done.stdout, done.stderr)
    return done


def _number(told: socket.socket) -> int:
    """Read one message: a number."""
    text = told.recv(20)
    if not text:
        raise AssertionError("the process that has the program imported is gone")
    return int(text)


@cache
def _server(loaded: tuple[tuple[str, str], ...]) -> socket.socket:
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_FORKS), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=_ROOT,
            env={**os.environ, **dict(loaded), "PYTHONPATH": str(_ROOT)},
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
