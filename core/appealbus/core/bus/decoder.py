"""Decodes messages so that none holds up the others: those that may take long are read by a helper process."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

import orjson
import structlog

from appealbus.core import helper_process
from appealbus.core.bus.decoding import Unacceptable, check, decode
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.intake import Inbound
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.reading import SMALL

log = structlog.get_logger(__name__)

_HELPER = "appealbus.core.bus.decoding_helper"
_WITHIN = 20.0
"""Seconds until a message counts as too complex. The worst one takes a second, on a busy machine several; with more, a
helper that hangs holds up the large messages behind it for longer."""
_START = 60.0
"""The same where the helper has to start first: on a machine that does much else that alone takes half a minute, which
is not the message's fault. With more, one that hangs as it starts holds up the large messages for longer."""
_TRIES = 2
"""Helpers that may die over a message until it counts as too complex: the first may have been killed by the machine or
a person. With more, each bad message costs one more start of a process."""
_LEAVE = 2.0
"""Seconds that a helper has to end by itself when its input has ended, before it is killed. It is idle then and ends at
once; the rest is for a busy machine."""
_BUFFER = 1024 * 1024
"""Bytes of the helper's output that are read ahead. With asyncio's own 64 KiB an appeal of 4 MB takes many more turns
of the event loop."""


class _Died(Exception):
    """The helper process has ended in the middle of a message."""


class Decoder:
    """Decodes messages: small ones at once, large ones in a process of its own, one after the other.

    A thread would not help: the libraries that read JSON hold the interpreter while they do. The process starts with
    the first large message, ends when it is not needed, and its death costs the message that it died of.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: Process | None = None

    async def decode(self, message: Inbound, *, apart: bool = False) -> Appeal | Change:
        """Return the appeal that the message holds, with the bus's own mentions and warnings; or the change.

        Args:
            message: as it came.
            apart: read it in the process of its own, however small it is: others have died of it.

        Raises:
            Unacceptable: if there is neither in it.
            JournalError: if no process can be started; the sender keeps the message.

        """
        check(message)
        if len(message.raw) <= SMALL and not apart:
            return decode(message)
        async with self._turn:
            for _ in range(_TRIES):
                with contextlib.suppress(_Died):
                    return await self._within(message)
        raise Unacceptable("the process that reads large messages died of it", "message.too_complex")

    async def aclose(self) -> None:
        """End the process."""
        async with self._turn:
            await self._end()

    async def _within(self, message: Inbound) -> Appeal | Change:
        whole = False
        runs = self._process is not None and self._process.returncode is None
        seconds = _WITHIN if runs else _START
        try:
            async with asyncio.timeout(seconds):
                read = await self._ask(message)
            whole = True
        except Unacceptable:
            whole = True
            raise
        except TimeoutError:
            text = f"it cannot be read within {seconds:.0f} seconds"
            raise Unacceptable(text, "message.too_complex") from None
        finally:
            if not whole:
                await self._end(at_once=True)
        return read

    async def _ask(self, message: Inbound) -> Appeal | Change:
        if self._process is not None and self._process.returncode is not None:  # it had nothing to do
            await self._end()
        process = self._process = self._process or await self._start()
        into, out = helper_process.pipes(process)
        try:
            about = [message.channel, message.media_type, message.message_id, message.expects]
            head = orjson.dumps([*about, len(message.raw)])
            into.writelines((head, b"\n", message.raw))
            await into.drain()
            code, text, is_change, size = orjson.loads(await out.readuntil(b"\n"))
            body = await out.readexactly(size)
        except (OSError, EOFError, ValueError):
            raise _Died from None
        if code:
            raise Unacceptable(text, code)
        return (Change if is_change else Appeal).model_validate_json(body)

    async def _start(self) -> Process:
        try:
            # -P: nothing that lies in the working directory is taken for a module.
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _HELPER),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=_BUFFER,
            )
        except OSError as error:
            log.error("decoder.not_started", error=type(error).__name__)
            raise JournalError("the process that reads large messages cannot be started", "busy") from None

    async def _end(self, *, at_once: bool = False) -> None:
        process, self._process = self._process, None
        if process is not None:
            await helper_process.end(process, 0.0 if at_once else _LEAVE)
