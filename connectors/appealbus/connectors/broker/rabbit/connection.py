"""A connection of pika's that a message cannot break."""

import struct
from typing import Any

import structlog
from pika import BasicProperties, frame, spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import InvalidFrameError, StreamLostError

log = structlog.get_logger(__name__)


class ConnectionGivenUp(StreamLostError):  # type: ignore[misc] # pika has no types
    """We ended the connection, as the broker gave no answer."""


class PikaConnection(AsyncioConnection):  # type: ignore[misc] # pika has no types
    """A connection that is used once, and that takes messages whose properties pika cannot read."""

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

    def kill(self) -> None:
        """End it without the broker's help: it may be frozen. `close` would wait for its answer."""
        if not self.is_closed:
            self._terminate_stream(ConnectionGivenUp("given up"))
