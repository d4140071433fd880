"""One connection object, from opening to end."""

import asyncio
from contextlib import suppress
from typing import Any

from pika import ConnectionParameters
from pika.exceptions import AMQPError

from appealbus.connectors.broker.rabbit.connection import PikaConnection
from appealbus.connectors.broker.rabbit.guard import guarded

_GOODBYE = 2.0
"""Seconds for a clean close: a live broker answers at once, and a dead one must not delay the end."""


class Attempt:
    """A connection that is opened and closed once. `ended` holds why it ended, or why it did not open."""

    def __init__(self, host: ConnectionParameters) -> None:
        self.host = host
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[BaseException] = loop.create_future()
        self.connection = PikaConnection(
            host,
            on_open_callback=guarded(lambda _: resolve(self.opened)),
            on_open_error_callback=guarded(self._on_end),
            on_close_callback=guarded(self._on_end),
            custom_ioloop=loop,
        )

    async def open(self) -> BaseException | None:
        """Wait until it is open; return the error if it fails."""
        try:
            async with asyncio.timeout(self.host.stack_timeout + _GOODBYE):
                either: list[asyncio.Future[Any]] = [self.opened, self.ended]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            return error
        return self.ended.result() if self.ended.done() else None

    async def close(self) -> None:
        """Close the connection; end it without the broker if that does not answer."""
        for end in (self.connection.close, self.connection.kill):
            if self.ended.done():
                return
            with suppress(AMQPError, TimeoutError):
                end()
                async with asyncio.timeout(_GOODBYE):
                    await asyncio.wait([self.ended])

    def _on_end(self, _connection: Any, error: BaseException) -> None:
        resolve(self.ended, error)


def resolve(future: asyncio.Future[Any], result: Any = None) -> None:
    """Resolve a future unless it is done."""
    if not future.done():
        future.set_result(result)
