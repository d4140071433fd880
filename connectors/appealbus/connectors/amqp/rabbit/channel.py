"""One channel: what was delivered on it can be settled on it alone."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from pika.exceptions import AMQPError

from appealbus.connectors.amqp.broker import BrokerError, BrokerRefused, BrokerUnreachable
from appealbus.connectors.amqp.rabbit.errors import channel_lost
from appealbus.connectors.amqp.rabbit.guard import guarded

ANSWER = 10.0
"""Seconds that the broker has for an answer; without one, its connection is given up."""


class Channel:
    """A channel of pika's with calls that can be awaited. `lost` tells why it ended; there is no second life."""

    def __init__(self, raw: Any, kill: Callable[[], None]) -> None:
        self.raw = raw
        self.is_open = True
        self.words = ""  # what the broker said when it closed it
        self.lost: asyncio.Future[BrokerError] = asyncio.get_running_loop().create_future()
        self._kill = kill
        self._calls: set[asyncio.Future[Any]] = set()
        self._closed = asyncio.Event()
        raw.add_on_close_callback(guarded(self._on_close))

    async def answer(self, ask: Callable[[Callable[..., None]], object]) -> Any:
        """Ask the broker for something, by a function that takes the callback, and wait for its answer.

        Raises:
            BrokerRefused: the broker closed the channel over it.
            BrokerUnreachable: the connection was lost, or there was no answer in time.

        """
        future = asyncio.get_running_loop().create_future()
        self._calls.add(future)
        try:
            async with asyncio.timeout(ANSWER):
                ask(guarded(partial(_answer, future)))
                return await future
        except TimeoutError:
            self._kill()
            raise BrokerUnreachable("the broker gave no answer in time") from None
        except AMQPError:
            if self.lost.done():
                raise self.lost.result() from None
            raise BrokerRefused(501, "the broker cannot be asked for that: a name is too long") from None
        finally:
            self._calls.discard(future)

    async def call(self, method: Callable[..., object], **arguments: Any) -> Any:
        """Call one of pika's methods that take a `callback`; raises as `answer`."""
        return await self.answer(lambda callback: method(callback=callback, **arguments))

    def end(self, reason: BrokerError) -> None:
        """Settle nothing on it any more."""
        self.is_open = False
        if not self.lost.done():
            self.lost.set_result(reason)
        for future in self._calls:
            if not future.done():
                future.set_exception(reason)

    async def close(self) -> None:
        """Close it. Messages that are not settled go back to their queue."""
        self.end(BrokerUnreachable("the channel is closed"))
        if self._closed.is_set():
            return
        with suppress(AMQPError):
            self.raw.close()
        try:
            async with asyncio.timeout(ANSWER):
                await self._closed.wait()
        except TimeoutError:
            self._kill()

    def _on_close(self, _raw: Any, reason: BaseException) -> None:
        self._closed.set()
        self.words = str(getattr(reason, "reply_text", ""))
        self.end(channel_lost(reason))


def _answer(future: asyncio.Future[Any], frame: Any = None) -> None:
    if not future.done():
        future.set_result(frame)
