"""Helper processes for input that may kill its reader. Each maps requests on its input to results on its output."""

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
from appealbus.core.process.runtime import spare_memory

log = structlog.get_logger(__name__)

_TRIES = 2
"""Helpers that may die over a request until it counts as the cause: something else may have killed the first."""
_START = 60.0
"""Seconds for a request that has to start a helper: on a busy machine the start alone takes half a minute."""
_LEAVE = 2.0
"""Seconds for an idle helper to end after its input, before it is killed; it needs the time only on a busy machine."""
_BUFFER = 1024 * 1024
"""Bytes of output read ahead. With asyncio's 64 KiB an appeal of 4 MB takes many more turns of the event loop."""
_AT_ONCE = 2
"""Helpers of a kind, one for each requester at most, so that another gets in at once."""
_MEMORY = 1024 * 1024 * 1024
"""Bytes of a helper's address space: nearly twice the worst message's. Double could exhaust the machine."""
_SECONDS = 10
"""Seconds of processor time for a request: ten times the worst seen, for slower machines."""
_IDLE = 60.0
"""Seconds until an idle helper ends, to free its memory. A start takes a fifth of a second."""


class HelperDied(AppealBusError):
    """Helpers have died during a request."""


class Helpers:
    """Processes that run one module, shared fairly by requesters, started and ended on demand."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._share = FairShare(_AT_ONCE)
        self._idle: list[Helper] = []

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator["Helper"]:
        """Hold one helper during the block."""
        async with self._share.place():
            helper = self._idle.pop() if self._idle else Helper(self._module)
            try:
                yield helper
            finally:
                self._idle.append(helper)

    async def aclose(self) -> None:
        """End the processes, after their requests."""
        for _ in range(_AT_ONCE):
            await self._share.wait("")
        while self._idle:
            await self._idle.pop().end()
        self._share.give_back("", _AT_ONCE)


class Helper:
    """One helper process, started on demand and ended by any error."""

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
            *answer, size = orjson.loads(await out.readuntil(b"\n"))
            return answer, await out.readexactly(size)
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
    """Answer requests until the input ends, with limits of memory and time: the main loop of a helper."""
    for ending in (signal.SIGINT, signal.SIGTERM):  # the bus may still need this process while it drains
        signal.signal(ending, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, _MEMORY)
    spare_memory()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while select.select([source], [], [], _IDLE)[0] and (head := source.readline()):
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + _SECONDS)
        *about, size = orjson.loads(head)
        reply, body = answer(about, source.read(size))
        sink.writelines((orjson.dumps([*reply, len(body)]), b"\n", body))
        sink.flush()


def _limit(what: int, most: int) -> None:
    # A systemd unit may forbid to set limits, as it sets its own.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def pipes(process: Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    """Return the input and the output of a helper started with pipes."""
    return cast("asyncio.StreamWriter", process.stdin), cast("asyncio.StreamReader", process.stdout)


async def end(process: Process, within: float) -> None:
    """End a helper by closing its input; kill it after `within` seconds."""
    pipes(process)[0].close()
    try:
        if within:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), within)
    finally:  # cancelled, too: nobody else knows of it
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
