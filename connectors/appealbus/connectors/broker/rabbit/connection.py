"""A connection of pika's that a message cannot break."""

import struct
from typing import Any

import structlog
from pika import BasicProperties, frame, spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import InvalidFrameError, StreamLostError

log = structlog.get_logger(__name__)


_PIECE = 64 * 1024
"""Bytes that are gathered at most. With more, what the socket does not take at once is copied again and again."""


class ConnectionGivenUp(StreamLostError):  # type: ignore[misc] # pika has no types
    """We ended the connection, as the broker gave no answer."""


class PikaConnection(AsyncioConnection):  # type: ignore[misc] # pika has no types
    """A connection that is used once, and that takes messages whose properties pika cannot read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._held = bytearray()
        super().__init__(*args, **kwargs)

    def _read_frame(self) -> tuple[int, Any]:
        """Read a frame; where a message's properties cannot be read, let the message pass without them.

        pika raises on a time too far away, a number that is none, tables in tables: whoever may send us one message
        could end this connection with it, for ever, as the message comes again.
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
        """Send what leaves in one turn of the loop in one piece. Pika sends each frame by itself, three a message."""
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
        """End it without the broker's help: it may be frozen. `close` would wait for its answer."""
        if not self.is_closed:
            self._terminate_stream(ConnectionGivenUp("given up"))
