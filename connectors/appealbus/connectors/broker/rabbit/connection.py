"""A pika connection that survives unreadable messages."""

import struct
from typing import Any

import structlog
from pika import BasicProperties, frame, spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import InvalidFrameError, StreamLostError

log = structlog.get_logger(__name__)


_PIECE = 64 * 1024
"""Bytes gathered at most. With more, what the socket does not take at once is copied again and again."""


class ConnectionGivenUp(StreamLostError):  # type: ignore[misc] # pika has no types
    """We ended the connection, as the broker gave no answer."""


class PikaConnection(AsyncioConnection):  # type: ignore[misc] # pika has no types
    """A single-use connection that accepts messages whose properties pika cannot read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._held = bytearray()
        super().__init__(*args, **kwargs)

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
