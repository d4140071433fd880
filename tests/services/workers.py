"""Workers of a supervisor that is a copy of a process: copies too, of what has the program imported and nothing else.

The program itself goes on as another one, the supervisor, and starts each worker by its command line. Here the process
of the supervisor is the copy, so that it can make copies; who wants to see the true ones starts it with `anew`.
"""

import asyncio
import atexit
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from appealbus.core.cli import running, supervisor
from appealbus.core.cli.main import main
from appealbus.core.logs.setup import LogFormat, LogLevel
from appealbus.core.process import failpoints
from tests.services.forms import form

_NOT_WRITTEN = 120
"""What Python says at its end of output that could not be written."""
_ENDING = (signal.SIGTERM, signal.SIGINT)


def have(environment: Mapping[str, str]) -> None:
    """Take this environment for one's own."""
    os.environ.clear()
    os.environ.update(environment)
    importlib.reload(failpoints)  # it reads the environment while it is imported


def supervise() -> None:
    """Be the supervisor, once a copy has found nothing wrong and said how. Return in that copy alone."""
    ours, theirs = os.pipe()
    first = os.fork()
    if not first:
        os.close(ours)

        def tell(count: int, *, grace: float, ends: bool, level: LogLevel, form: LogFormat) -> None:
            os.write(theirs, json.dumps([str(count), str(grace), str(int(ends)), level.value, form.value]).encode())

        running.become_supervisor = tell  # type: ignore[assignment]
        return
    os.close(theirs)
    with open(ours, "rb") as told:
        orders = told.read()
    code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    if not orders:
        os._exit(code if code >= 0 else 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    supervisor.create_subprocess_exec = _start  # type: ignore[assignment]
    supervisor._LONGEST_PAUSE = form(1.0, supervisor._LONGEST_PAUSE)
    sys.argv = [sys.argv[0], *json.loads(orders), *sys.orig_argv]
    try:
        supervisor.main()
    except SystemExit as end:
        os._exit(code_of(end))


class _Worker:
    """What the supervisor uses of a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._file = os.pidfd_open(pid)
        self._code: int | None = None
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._file, self._reap)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self._code is not None
        return self._code

    def send_signal(self, number: int) -> None:
        if self._code is None:
            os.kill(self.pid, number)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)
        self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._ended.set()


async def _start(*command: str, env: Mapping[str, str], pass_fds: Sequence[int], **_: Any) -> _Worker:
    pid = os.fork()
    if pid:
        return _Worker(pid)
    code = 1
    try:
        _forget_the_supervisor(pass_fds)
        sys.argv = list(command[1:])
        have(env)
        main()
        code = 0
    except SystemExit as end:
        code = code_of(end)
    except BaseException:
        traceback.print_exc()
    finally:
        # The frames of the supervisor are below: they must not go on.
        leave(code)


def _forget_the_supervisor(kept: Sequence[int]) -> None:
    """Its loop, its files, and what it does when a signal comes."""
    asyncio._set_running_loop(None)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for file in map(int, os.listdir("/proc/self/fd")):
        if file > 2 and file not in kept:
            with suppress(OSError):
                os.close(file)


def leave(code: int) -> None:
    """End this process as Python does, but for taking all apart that was imported.

    That writes into all the memory that a copy shares, and took longer than most commands.
    """
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or _NOT_WRITTEN
    os._exit(code)


def code_of(end: SystemExit) -> int:
    """Return the exit code that Python makes of it."""
    return end.code if isinstance(end.code, int) else int(end.code is not None)
