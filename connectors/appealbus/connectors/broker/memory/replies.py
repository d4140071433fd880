"""In-memory requests that wait for their replies."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from appealbus.connectors.broker.broker import (
    BrokerRefused,
    BrokerUnreachable,
    Message,
    Published,
    RequestTimedOut,
    RequestUnroutable,
)

Publish: TypeAlias = Callable[[Message], Awaitable[Published]]

REMEMBERED = 10_000
"""Finished requests remembered, so that their replies count as late and not as unknown."""


class Replies:
    """Assigns replies to waiting requests by correlation id."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._queue = ""
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._given_up: OrderedDict[str, None] = OrderedDict()

    def open(self, queue: str) -> None:
        """Accept replies under this name of a reply queue."""
        self._queue = queue

    def close(self) -> None:
        """Fail all waiting requests."""
        self._queue = ""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(BrokerUnreachable("the broker was closed while a request waited for its reply"))

    def take(self, message: Message) -> bool:
        """Pass a reply to its request; False if the message is no reply."""
        if not self._queue or message.routing_key != self._queue:
            return False
        correlation = message.properties.correlation_id
        future = self._waiting.get(correlation)
        if future is not None and not future.done():
            future.set_result(message)
        elif correlation in self._given_up:
            del self._given_up[correlation]
            self._counts["late_replies"] += 1
        else:
            self._counts["unknown_replies"] += 1
        return True

    async def request(self, publish: Publish, message: Message, within: float) -> Message:
        correlation = message.properties.correlation_id
        if not correlation or correlation in self._waiting:
            raise ValueError("a request needs a correlation id that no other request has now")
        properties = replace(message.properties, reply_to=self._queue, expiration=within)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = future
        try:
            async with asyncio.timeout(within):
                result = await publish(replace(message, properties=properties))
                if result is Published.UNROUTABLE:
                    raise RequestUnroutable("nobody serves the queue of this request")
                if result in (Published.REFUSED, Published.UNFIT):
                    raise BrokerRefused(406, "the broker did not take the request")
                if result is Published.UNREACHABLE:
                    raise BrokerUnreachable("the broker is not started")
                return await future
        except TimeoutError:
            raise RequestTimedOut("no reply came in time") from None
        finally:
            del self._waiting[correlation]
            if future.cancel() or future.cancelled():
                self._given_up[correlation] = None
                while len(self._given_up) > REMEMBERED:
                    self._given_up.popitem(last=False)
            else:
                future.exception()  # nobody else will look at it
