"""Helper processes: what may end the process that reads it is read by one of them, and only that one dies.

Each gets requests by its input, gives results by its output, and ends when its input does.
"""

import asyncio
import contextlib
import resource
import select
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import orjson
import structlog

from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.fair_share import FairShare
from appealbus.core.process import spare_memory

log = structlog.get_logger(__name__)

_TRIES = 2
"""Helpers that may die over a request until the request counts as the cause: the first may have been killed by the
machine or a person. With more, each bad request costs one more start of a process."""
_START = 60.0
"""Seconds for a request where the helper has to start first: on a machine that does much else that alone takes half a
minute. With more, one that hangs as it starts holds up its requester for longer."""
_LEAVE = 2.0
"""Seconds that a helper has to end by itself when its input has ended, before it is killed. It is idle then and ends at
once; the rest is for a busy machine."""
_BUFFER = 1024 * 1024
"""Bytes of the helper's output that are read ahead. With asyncio's own 64 KiB an appeal of 4 MB takes many more turns
of the event loop."""
_AT_ONCE = 2
"""Helpers of a kind. One requester has one of them at most, so that another gets in at once; with more, hostile
messages take more memory and processors."""
_MEMORY = 1024 * 1024 * 1024
"""Bytes of a helper's address space: nearly twice what the worst message was seen to ask for, most of which is never
touched. With half, that message could not be read; with double, one that is worse still takes the machine's memory
before it ends."""
_SECONDS = 10
"""Seconds of processor time for a request: ten times what the worst one was seen to take, for slower machines."""
_IDLE = 60.0
"""Seconds without a request after which a helper ends, to give its memory back. With less, it is started more often,
which takes a fifth of a second."""


class HelperDied(AppealBusError):
    """Helpers have ended in the middle of a request."""


class Helpers:
    """Processes that run one module, shared fairly by those who ask. They start when they are needed, and end when
    they are not.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._share = FairShare(_AT_ONCE)
        self._idle: list[Helper] = []

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator["Helper"]:
        """Have one of them as long as the block lasts."""
        async with self._share.place():
            helper = self._idle.pop() if self._idle else Helper(self._module)
            try:
                yield helper
            finally:
                self._idle.append(helper)

    async def aclose(self) -> None:
        """End the processes, after what they are asked."""
        for _ in range(_AT_ONCE):
            await self._share.wait("")
        while self._idle:
            await self._idle.pop().end()
        self._share.give_back("", _AT_ONCE)


class Helper:
    """One helper process, which is started when it is asked and ended by whatever goes wrong."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: Process | None = None

    async def ask(self, about: list[Any], raw: bytes, within: float) -> tuple[list[Any], bytes]:
        """Return what a helper answers: a list, and bytes.

        Args:
            about: a list for its first line; the number of bytes is added.
            raw: the bytes.
            within: seconds that it has once it runs.

        Raises:
            HelperDied: two of them ended over it.
            TimeoutError: it takes too long; the helper is ended.
            JournalError: none can be started.

        """
        for _ in range(_TRIES):
            whole = False
            runs = self._process is not None and self._process.returncode is None
            try:
                async with asyncio.timeout(within if runs else max(within, _START)):
                    answer = await self._exchange(about, raw)
                whole = True
                return answer
            except HelperDied:
                pass
            finally:
                if not whole:
                    await self.end(at_once=True)
        raise HelperDied

    async def _exchange(self, about: list[Any], raw: bytes) -> tuple[list[Any], bytes]:
        if self._process is not None and self._process.returncode is not None:  # it had nothing to do
            await self.end()
        process = self._process = self._process or await _started(self._module)
        into, out = pipes(process)
        try:
            into.writelines((orjson.dumps([*about, len(raw)]), b"\n", raw))
            await into.drain()
            *told, size = orjson.loads(await out.readuntil(b"\n"))
            return told, await out.readexactly(size)
        except (OSError, EOFError, ValueError):
            raise HelperDied from None

    async def end(self, *, at_once: bool = False) -> None:
        """End the process. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            await end(process, 0.0 if at_once else _LEAVE)


async def _started(module: str) -> Process:
    try:
        # -P: nothing that lies in the working directory is taken for a module.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", module), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_BUFFER
        )
    except OSError as error:
        log.error("decoder.not_started", error=type(error).__name__)
        raise JournalError("a helper process cannot be started", "busy") from None


def serve(answer: Callable[[list[Any], bytes], tuple[list[Any], bytes]]) -> None:
    """Answer requests until there are no more, bounded in memory and time: what a helper process runs."""
    for ending in (signal.SIGINT, signal.SIGTERM):  # the bus may still need this process while it drains
        signal.signal(ending, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, _MEMORY)
    spare_memory()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while select.select([source], [], [], _IDLE)[0] and (head := source.readline()):
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + _SECONDS)
        *about, size = orjson.loads(head)
        told, body = answer(about, source.read(size))
        sink.writelines((orjson.dumps([*told, len(body)]), b"\n", body))
        sink.flush()


def _limit(what: int, most: int) -> None:
    # A systemd unit may forbid to set limits, as it sets its own.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def pipes(process: Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    """Return the input and the output of a helper that was started with both."""
    return cast("asyncio.StreamWriter", process.stdin), cast("asyncio.StreamReader", process.stdout)


async def end(process: Process, within: float) -> None:
    """End a helper: it ends by itself when its input does, and is killed if it has not within these seconds."""
    pipes(process)[0].close()
    if within:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), within)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
