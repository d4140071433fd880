"""The supervisor of several workers: starts them, restarts those that die, and ends all together.

It is a separate program without the bus, and so takes a quarter of the memory.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn
from uuid import uuid4

import structlog

from appealbus.core.backoff import doubled, half_jitter
from appealbus.core.cli.exits import (
    EXIT_CONFIG,
    EXIT_JOURNAL,
    EXIT_OUTLIVED,
    EXIT_PROBLEMS,
    EXIT_STOPPED,
    EXIT_SUPERSEDED,
)
from appealbus.core.clocks import monotonic
from appealbus.core.logs import configure
from appealbus.core.logs.setup import LogFormat, LogLevel
from appealbus.core.process.worker import VARIABLE

log = structlog.get_logger(__name__)

UP = 10.0
"""Seconds after which a worker counts as up; its next death resets the pauses."""
TRIES = 5
"""Early deaths that end everything, as long as no worker has ever been up."""
MARGIN = 30.0
"""Seconds beyond `bus.grace` for a worker to end; a silent database takes most of it."""
_FIRST_PAUSE = 0.5
"""Seconds; a worker killed by one message is back almost at once."""
_LONGEST_PAUSE = 30.0
"""Seconds; a worker that dies at every start neither uses a processor nor fills the log."""
_REAP = 5.0
"""Seconds for the kernel to end killed processes. One that waits for a dead disk is left behind."""
_ENDING = (signal.SIGTERM, signal.SIGINT)
# A worker that was told to end before it could listen has nothing in flight.
_DRAINED = frozenset({0, EXIT_STOPPED, -signal.SIGTERM, -signal.SIGINT})


def become_supervisor(count: int, *, grace: float, ends: bool, level: LogLevel, form: LogFormat) -> NoReturn:
    """Replace this process by the supervisor of `count` workers, which run the same command line.

    The process id stays. A stop signal sent before the supervisor listens stays pending.
    """
    orders = [str(count), str(grace), str(int(ends)), level.value, form.value]
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    sys.stdout.flush()
    # -P: nothing that lies in the working directory is taken for a module.
    os.execv(sys.executable, [sys.executable, "-P", "-m", __name__, *orders, *_own_command()])  # noqa: S606


def _own_command() -> list[str]:
    return [sys.executable, *sys.orig_argv[1:]]


class Supervisor:
    """Keeps workers running until it is told to stop. With `ends` a worker's exit with 0 is final."""

    def __init__(self, count: int, command: Sequence[str], *, grace: float, ends: bool = False) -> None:
        self._count = count
        self._command = command
        self._patience = grace + MARGIN
        self._ends = ends
        self._stopping = asyncio.Event()
        self._running: dict[int, Process] = {}
        self._names: dict[int, str] = {}
        self._since: dict[int, float] = {}
        self._ever_up = False
        self._given_up: int | None = None
        self._badly = 0
        self._kept = count
        self._leash = -1

    async def run(self) -> int:
        """Run until all workers have ended; return the common exit code, 0 after a clean stop of all."""
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.add_signal_handler(number, self._stopping.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        # Only this process holds the end that writes. It closes with us, even by SIGKILL: then the workers drain.
        self._leash, ours = os.pipe()
        try:
            workers = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
            for worker in workers:
                worker.add_done_callback(self._one_ended)
            await self._stopping.wait()
            await self._end()
            ended, left = await asyncio.wait(workers, timeout=_REAP)
            self._badly += len(left)
            for worker in ended:
                worker.result()
        finally:
            os.close(self._leash)
            os.close(ours)
        if self._given_up is not None:
            return self._given_up
        return EXIT_PROBLEMS if self._badly else 0

    def _one_ended(self, worker: asyncio.Task[None]) -> None:
        self._kept -= 1
        if not self._kept or worker.exception() is not None:
            self._stopping.set()

    async def _keep(self, number: int) -> None:
        deaths = 0
        while not self._stopping.is_set():
            life = await self._life(number)
            code = life.code
            if self._stopping.is_set():
                self._badly += code not in _DRAINED
                return
            if self._ends and code == 0:
                return
            orderly = code in _DRAINED
            deaths = 1 if life.was_up or orderly else deaths + 1
            # Of a process that has worked, 2 says no more than any other code: a plugin may end it with that.
            refused = (code == EXIT_CONFIG and not life.started) or code in (EXIT_JOURNAL, EXIT_SUPERSEDED)
            waits = code == EXIT_OUTLIVED  # a key is renewed in minutes, and then it starts
            if refused or (deaths >= TRIES and not waits and not self._somebody_was_up()):
                self._give_up(number, code)
                return
            pause = half_jitter(doubled(_FIRST_PAUSE, _LONGEST_PAUSE, deaths - 1))
            if orderly:
                log.info("worker.ended", worker=number, status=_end_of(code), pause=round(pause, 2))
            else:
                log.warning("worker.died", worker=number, status=_end_of(code), pause=round(pause, 2))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _life(self, number: int) -> "_Life":
        word, theirs = os.pipe()
        os.set_blocking(word, False)
        # Whoever comes next takes over at once what this one had in work, and need not wait for its leases to end.
        before, name = self._names.get(number, ""), uuid4().hex
        self._names[number] = name
        environment = {**os.environ, VARIABLE: f"{number}:{self._leash}:{theirs}:{name}:{before}"}
        try:
            process = await create_subprocess_exec(
                *self._command, stdin=DEVNULL, env=environment, pass_fds=(self._leash, theirs)
            )
        except OSError as error:  # no process or no memory left for now
            log.error("worker.not_started", worker=number, error=type(error).__name__)
            os.close(word)
            return _Life(EXIT_PROBLEMS, was_up=False, started=False)
        finally:
            os.close(theirs)
        self._running[number] = process
        self._since[number] = monotonic()
        log.info("worker.started", worker=number, pid=process.pid)
        if self._stopping.is_set():
            _send(process, signal.SIGTERM)
        code = await process.wait()
        del self._running[number]
        return _Life(code, was_up=self._was_up(self._since.pop(number)), started=_said(word))

    def _was_up(self, since: float) -> bool:
        up = monotonic() - since >= UP
        self._ever_up = self._ever_up or up
        return up

    def _somebody_was_up(self) -> bool:
        return self._ever_up or any(map(self._was_up, self._since.values()))

    def _give_up(self, number: int, code: int) -> None:
        log.error("worker.given_up", worker=number, status=_end_of(code))
        if self._given_up is None:
            self._given_up = code if code > 0 else EXIT_PROBLEMS
        self._stopping.set()

    async def _end(self) -> None:
        """Tell all workers to stop; kill those that miss the deadline."""
        for process in self._running.values():
            _send(process, signal.SIGTERM)
        await self._all_ended(self._patience)
        for number, process in self._running.items():
            log.error("worker.killed", worker=number, pid=process.pid)
            _send(process, signal.SIGKILL)
        await self._all_ended(_REAP)

    async def _all_ended(self, seconds: float) -> None:
        waits = [asyncio.create_task(process.wait()) for process in self._running.values()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=seconds)
            for wait in late:
                wait.cancel()


@dataclass(frozen=True, slots=True)
class _Life:
    code: int
    was_up: bool
    started: bool
    """Whether it has reported itself as working."""


def _said(word: int) -> bool:
    try:
        return bool(os.read(word, 1))
    except BlockingIOError:  # something that the worker has started holds the other side
        return False
    finally:
        os.close(word)


def _send(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _end_of(code: int) -> int | str:
    """Return the exit code, or the name of the fatal signal."""
    if code >= 0:
        return code
    try:
        return signal.Signals(-code).name.lower()
    except ValueError:
        return f"signal_{-code}"


def main() -> None:
    """Entry point; `become_supervisor` passes the arguments."""
    count, grace, ends, level, form, *command = sys.argv[1:]
    configure(LogLevel(level), LogFormat(form))
    sys.exit(asyncio.run(Supervisor(int(count), command, grace=float(grace), ends=ends == "1").run()))


if __name__ == "__main__":
    main()
