"""Requests and their replies, over an exclusive queue that lives as long as its channel."""

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from pika import BasicProperties

from appealbus.connectors.broker.broker import (
    BrokerRefused,
    BrokerUnreachable,
    Message,
    Published,
    RequestTimedOut,
    RequestUnroutable,
)
from appealbus.connectors.broker.rabbit.channel import Channel
from appealbus.connectors.broker.rabbit.convert import from_pika
from appealbus.connectors.broker.rabbit.guard import guarded
from appealbus.connectors.broker.rabbit.link import Link
from appealbus.connectors.broker.rabbit.publisher import Publisher
from appealbus.connectors.broker.rabbit.subscription import Subscription
from appealbus.core import LinkStatus
from appealbus.core.clocks import monotonic

_REMEMBERED = 10_000
"""Finished request ids remembered, to tell late replies from unknown ones."""


class Requests(Subscription):
    """Waiting requests by correlation id."""

    def __init__(self, link: Link, publisher: Publisher, longest_pause: float) -> None:
        self._publisher = publisher
        self._queue = ""
        self._waiting: dict[str, asyncio.Future[Message | None]] = {}
        self._given_up: OrderedDict[str, None] = OrderedDict()
        super().__init__(link, "replies", longest_pause)

    async def request(self, message: Message, within: float) -> Message:
        deadline = monotonic() + within
        number = message.properties.correlation_id
        if not number or number in self._waiting:
            raise ValueError("a request needs a correlation_id of its own")
        while not self._queue:
            if self._link.state().status in {LinkStatus.DOWN, LinkStatus.REFUSED}:
                raise BrokerUnreachable(self._link.state().detail)
            if not await self._link.change(deadline):
                raise BrokerUnreachable(self._trouble[1] if self._trouble else "there is no connection to the broker")
        future: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            await self._send(message, deadline, future)
            async with asyncio.timeout_at(deadline):
                reply = await future
        except TimeoutError:
            raise RequestTimedOut("no reply came in time") from None
        finally:
            self._waiting.pop(number, None)
            if not future.done() or future.cancelled():
                self._remember(number)
        if reply is None:
            raise BrokerUnreachable("the connection was lost before the reply came")
        return reply

    async def _send(self, message: Message, deadline: float, future: "asyncio.Future[Message | None]") -> None:
        left = max(0.0, deadline - monotonic())
        properties = replace(message.properties, reply_to=self._queue, expiration=left)
        settled = await self._publisher.send(replace(message, properties=properties), mandatory=True, within=left)
        if future.done():
            return
        match settled.published:
            case Published.UNROUTABLE:
                raise RequestUnroutable(f"nobody serves {message.routing_key}")
            case Published.REFUSED | Published.UNFIT:
                raise BrokerRefused(settled.code, f"the broker did not take the request: {settled.why}")
            case Published.UNREACHABLE:
                raise BrokerUnreachable(f"the request did not leave in time; {self._publisher.detail}")
            case Published.INDETERMINATE if monotonic() < deadline:
                raise BrokerUnreachable("the connection was lost before the broker had the request")

    def _remember(self, number: str) -> None:
        self._given_up[number] = None
        if len(self._given_up) > _REMEMBERED:
            self._given_up.popitem(last=False)

    async def _subscribe(self, channel: Channel) -> None:
        # It goes with its consumer: replies to what was asked before are for nobody.
        frame = await channel.call(channel.raw.queue_declare, queue="", exclusive=True, auto_delete=True)
        queue: str = frame.method.queue
        await self._consume(channel, queue, guarded(self._receive), auto_ack=True)
        self._queue = queue
        self._link.announce()

    def _receive(self, _raw: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
        message = from_pika(method, properties, body)
        number = message.properties.correlation_id
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_result(message)
        elif number in self._given_up:
            del self._given_up[number]
            self._link.counts["late_replies"] += 1
        else:
            self._link.counts["unknown_replies"] += 1

    def _lost(self) -> None:
        self._queue = ""
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)

    async def close(self) -> None:
        """Close; waiting requests fail as unreachable."""
        await self._end()
        self._lost()
        if self._channel is not None:
            await self._channel.close()
