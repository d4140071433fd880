"""A pika connection that survives unreadable messages, from opening to end."""

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from pika import BasicProperties, ConnectionParameters, frame, spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError, InvalidFrameError, StreamLostError

log = structlog.get_logger(__name__)


_PIECE = 64 * 1024
"""Bytes gathered at most. With more, what the socket does not take at once is copied again and again."""

_GOODBYE = 2.0
"""Seconds for a clean close: a live broker answers at once, and a dead one must not delay the end."""


def guarded(callback: Callable[..., Any], failed: Callable[..., Any] | None = None) -> Callable[..., None]:
    """Return a callback that logs errors of the given one, then calls `failed` with the same arguments."""

    def call(*args: Any) -> None:
        try:
            callback(*args)
        except Exception:
            log.exception("amqp.callback_failed")
            if failed is not None:
                try:
                    failed(*args)
                except Exception:
                    log.exception("amqp.callback_failed")

    return call


class ConnectionGivenUp(StreamLostError):  # type: ignore[misc] # pika has no types
    """We ended the connection, as the broker gave no answer."""


class PikaConnection(AsyncioConnection):  # type: ignore[misc] # pika has no types
    """A single-use connection that accepts messages whose properties pika cannot read.

    `ended` holds why it ended, or why it did not open.
    """

    def __init__(self, host: ConnectionParameters) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[BaseException] = loop.create_future()
        self.opened: asyncio.Future[None] = loop.create_future()
        self._held = bytearray()
        super().__init__(
            host,
            on_open_callback=guarded(lambda _: resolve(self.opened)),
            on_open_error_callback=guarded(self._on_end),
            on_close_callback=guarded(self._on_end),
            custom_ioloop=loop,
        )

    async def open(self) -> BaseException | None:
        """Wait until it is open; return the error if it fails."""
        try:
            async with asyncio.timeout(self.params.stack_timeout + _GOODBYE):
                either: list[asyncio.Future[Any]] = [self.opened, self.ended]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            return error
        return self.ended.result() if self.ended.done() else None

    async def end(self) -> None:
        """Close the connection; end it without the broker if that does not answer."""
        for end in (self.close, self.kill):
            if self.ended.done():
                return
            with suppress(AMQPError, TimeoutError):
                end()
                async with asyncio.timeout(_GOODBYE):
                    await asyncio.wait([self.ended])

    def _on_end(self, _connection: Any, error: BaseException) -> None:
        resolve(self.ended, error)

    def _read_frame(self) -> tuple[int, Any]:
        """Read a frame; a message with unreadable properties passes without them.

        pika raises on an out-of-range time, an invalid number, or nested tables. One such message would end the
        connection again and again, as it is redelivered each time.
        """
        try:
            read: tuple[int, Any] = super()._read_frame()
        except InvalidFrameError:
            raise
        except Exception:
            kind, channel, size = struct.unpack_from(">BHL", self._frame_buffer)
            if kind != spec.FRAME_HEADER:
                raise
            log.warning("amqp.unreadable")
            (body_size,) = struct.unpack_from(">Q", self._frame_buffer, spec.FRAME_HEADER_SIZE + 4)
            end = spec.FRAME_HEADER_SIZE + size + spec.FRAME_END_SIZE
            return end, frame.Header(channel, body_size, BasicProperties())
        return read

    def _adapter_emit_data(self, data: bytes) -> None:
        """Send the output of one loop iteration in one piece. Pika sends each frame by itself, three a message."""
        if not self._held:
            self.ioloop.call_soon(self._emit_held)
        self._held += data
        if len(self._held) > _PIECE:
            self._emit_held()

    def _emit_held(self) -> None:
        held, self._held = bytes(self._held), bytearray()
        if held and self._transport is not None:
            super()._adapter_emit_data(held)

    def kill(self) -> None:
        """End the connection without waiting for the broker, which may be frozen."""
        if not self.is_closed:
            self._terminate_stream(ConnectionGivenUp("given up"))


def resolve(future: asyncio.Future[Any], result: Any = None) -> None:
    """Resolve a future unless it is done."""
    if not future.done():
        future.set_result(result)
