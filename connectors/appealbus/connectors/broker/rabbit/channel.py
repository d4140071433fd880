"""One channel: a delivery can be settled only on the channel it came from."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from pika.exceptions import AMQPError

from appealbus.connectors.broker.broker import BrokerError, BrokerRefused, BrokerUnreachable
from appealbus.connectors.broker.rabbit.connection import guarded, resolve
from appealbus.connectors.broker.rabbit.errors import channel_lost

ANSWER = 10.0
"""Seconds for the broker to answer; after that the channel is given up, and with it a silent connection."""


class NoAnswer(BrokerUnreachable):
    """The broker gave no answer in time, although the connection may be up."""


class Channel:
    """A pika channel with awaitable calls. `lost` holds why it ended; it is not reopened."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.is_open = True
        self.words = ""  # what the broker said when it closed it
        self.lost: asyncio.Future[BrokerError] = asyncio.get_running_loop().create_future()
        self._calls: set[asyncio.Future[Any]] = set()
        self._closed = asyncio.Event()
        raw.add_on_close_callback(guarded(self._on_close))

    async def answer(self, ask: Callable[[Callable[..., None]], object], within: float = ANSWER) -> Any:
        """Run a function that asks the broker with a callback, and wait for the answer.

        Raises:
            BrokerRefused: the broker closed the channel over it.
            BrokerUnreachable: the connection was lost.
            NoAnswer: there was none in time; the channel is unusable.
        """
        future = asyncio.get_running_loop().create_future()
        self._calls.add(future)
        came = self.raw.connection.bytes_received
        try:
            async with asyncio.timeout(within):
                ask(guarded(partial(resolve, future)))
                return await future
        except TimeoutError:
            reason = NoAnswer(f"the broker gave no answer within {within:.0f} s")
            self.end(reason)
            self._give_up(came)
            with suppress(AMQPError):
                self.raw.close()
            raise reason from None
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
        """Mark the channel as lost: nothing can be settled on it any more."""
        self.is_open = False
        if not self.lost.done():
            self.lost.set_result(reason)
        for future in self._calls:
            if not future.done():
                future.set_exception(reason)

    async def close(self) -> None:
        """Close it. Unsettled messages go back to their queue."""
        self.end(BrokerUnreachable("the channel is closed"))
        if self._closed.is_set():
            return
        came = self.raw.connection.bytes_received
        try:
            self.raw.close()  # raises where it is closing already
            async with asyncio.timeout(ANSWER):
                await self._closed.wait()
        except AMQPError:
            return
        except TimeoutError:
            self._give_up(came)

    def _give_up(self, came: int) -> None:
        """End a silent connection, too. If it has received data since, only this call has no answer (a sick queue)."""
        connection = self.raw.connection
        if connection.bytes_received == came:
            connection.kill()

    def _on_close(self, _raw: Any, reason: BaseException) -> None:
        self._closed.set()
        self.words = str(getattr(reason, "reply_text", ""))
        self.end(channel_lost(reason))
