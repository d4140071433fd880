"""Requests and their replies, over an exclusive queue that lives as long as its channel."""

import asyncio
from dataclasses import replace
from typing import Any

from pika import BasicProperties

from appealbus.connectors.broker.broker import (
    BrokerRefused,
    BrokerUnreachable,
    Message,
    Published,
    Replies,
    RequestUnroutable,
)
from appealbus.connectors.broker.rabbit.channel import Channel
from appealbus.connectors.broker.rabbit.connection import guarded
from appealbus.connectors.broker.rabbit.convert import from_pika
from appealbus.connectors.broker.rabbit.link import Link
from appealbus.connectors.broker.rabbit.publisher import Publisher
from appealbus.connectors.broker.rabbit.subscription import Subscription
from appealbus.core import LinkStatus
from appealbus.core.clocks import monotonic


class Requests(Subscription):
    """Waiting requests by correlation id."""

    def __init__(self, link: Link, publisher: Publisher, longest_pause: float) -> None:
        self._publisher = publisher
        self._queue = ""
        self._replies = Replies(link.counts)
        super().__init__(link, "replies", longest_pause)

    async def request(self, message: Message, within: float) -> Message:
        deadline = monotonic() + within
        while not self._queue:
            if self._link.state().status in {LinkStatus.DOWN, LinkStatus.REFUSED}:
                raise BrokerUnreachable(self._link.state().detail)
            if not await self._link.change(deadline):
                raise BrokerUnreachable(self._trouble[1] if self._trouble else "there is no connection to the broker")
        with self._replies.waiting(message) as reply:
            await self._send(message, deadline, reply)
            async with asyncio.timeout_at(deadline):
                return await reply

    async def _send(self, message: Message, deadline: float, reply: "asyncio.Future[Message]") -> None:
        left = max(0.0, deadline - monotonic())
        properties = replace(message.properties, reply_to=self._queue, expiration=left)
        settled = await self._publisher.send(replace(message, properties=properties), mandatory=True, within=left)
        if reply.done():
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

    async def _subscribe(self, channel: Channel) -> None:
        # It goes with its consumer: replies to what was asked before are for nobody.
        frame = await channel.call(channel.raw.queue_declare, queue="", exclusive=True, auto_delete=True)
        queue: str = frame.method.queue
        await self._consume(channel, queue, guarded(self._receive), auto_ack=True)
        self._queue = queue
        self._link.announce()

    def _receive(self, _raw: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
        self._replies.take(from_pika(method, properties, body))

    def _lost(self) -> None:
        self._queue = ""
        self._replies.fail("the connection was lost before the reply came")

    async def close(self) -> None:
        """Close; waiting requests fail as unreachable."""
        await self._end()
        self._lost()
        if self._channel is not None:
            await self._channel.close()
