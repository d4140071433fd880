"""Servers as child processes of the tests: they die with the tests, whatever ends those."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 90.0
"""Seconds that a server may take to start or to end on a loaded machine."""
_POLL = 0.05
_LOWEST = 10_000
_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
# The kernel forgets the parent-death signal when the user changes: the user comes first.
_LEASHED = """
import ctypes, os, sys
uid, gid, *command = sys.argv[1:]
if int(uid) >= 0:
    os.setgroups([]), os.setgid(int(gid)), os.setuid(int(uid))
ctypes.CDLL(None).prctl(1, 9)
os.execvp(command[0], command)
"""
_given: set[int] = set()


class DidNotStart(AssertionError):
    """A server did not come up; the text ends with what it wrote."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody uses and that was not returned before.

    It is none of those that the kernel gives to clients: a server that is away for a moment must find it free again.
    """
    while True:
        port = random.randrange(_LOWEST, _first_of_clients())
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port


def _first_of_clients() -> int:
    try:
        return max(_LOWEST + 1000, int(_CLIENTS.read_text().split()[0]))
    except OSError:
        return 32768


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as trial:
        trial.settimeout(1)
        return trial.connect_ex(("127.0.0.1", port)) == 0


def until(true: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
    """Wait until something is true; fail with `what` after so many seconds."""
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(_POLL)


def scratch(prefix: str, user: pwd.struct_passwd | None = None) -> Path:
    """Make a folder with a short path, owned by the user: a socket's path has at most 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def forget(folder: Path) -> None:
    """Remove a folder that `scratch` made."""
    shutil.rmtree(folder, ignore_errors=True)


def spawn(
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: pwd.struct_passwd | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that is killed when this one dies, in a session of its own, as the user if one is given."""
    who = (str(user.pw_uid), str(user.pw_gid)) if user is not None else ("-1", "-1")
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-ISc", _LEASHED, *who, *command],
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the process listens; fail with the end of its log where it ends or takes too long."""
    end = time.monotonic() + PATIENCE
    while not listens(port):
        ended = process.poll() is not None
        if ended or time.monotonic() > end:
            process.kill()
            how = f"ended with {process.returncode}" if ended else f"did not listen within {PATIENCE:g} s"
            raise DidNotStart(f"{process.args!r} {how}\n{log.read_text('utf-8', 'replace')[-4000:]}")
        time.sleep(_POLL)
