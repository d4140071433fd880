"""A channel with a consumer, recreated after every loss."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import structlog

from appealbus.connectors.broker.broker import BrokerError, BrokerRefused, BrokerUnreachable, Trouble
from appealbus.connectors.broker.rabbit.channel import Channel, NoAnswer
from appealbus.connectors.broker.rabbit.connection import guarded
from appealbus.connectors.broker.rabbit.link import FIRST_PAUSE, Link
from appealbus.core import LinkStatus
from appealbus.core.backoff import Backoff
from appealbus.core.clocks import monotonic

log = structlog.get_logger(__name__)

_LONG = 3600.0
"""Seconds: practically unlimited. When they are over, the wait begins anew."""
_SUBSCRIBED = 40.0
"""Seconds for a subscription: the broker tries for half a minute if a quorum queue has no leader."""
_LOOK = 20.0
"""Seconds between two checks of a silent queue: each costs the broker a round trip."""
_ALONE = 3
"""Checks in a row that find no consumer: electing a new leader takes less than a minute."""


class Subscription(ABC):
    """Subscribes again after every loss: of the connection, the channel, or the consumer alone."""

    def __init__(self, link: Link, about: str, longest_pause: float) -> None:
        self._link = link
        self._about = about
        self._backoff = Backoff(FIRST_PAUSE, longest_pause)
        self._channel: Channel | None = None
        self._tag = ""
        self._from = ""
        self._standing = False
        self._trouble: Trouble | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep())

    @property
    def trouble(self) -> Trouble | None:
        """Why it is not subscribed although connected."""
        return self._trouble

    @abstractmethod
    async def _subscribe(self, channel: Channel) -> None:
        """Call `_consume`."""

    @abstractmethod
    def _lost(self) -> None:
        """Called when deliveries of the channel can no longer be settled."""

    async def _consume(self, channel: Channel, queue: str, receive: Callable[..., None], **arguments: Any) -> None:
        self._from = queue

        def consume(callback: Callable[..., None]) -> None:
            # Known before the broker answers: messages come as soon as it has.
            self._tag = channel.raw.basic_consume(queue, receive, callback=callback, **arguments)

        await channel.answer(consume, _SUBSCRIBED)

    async def _keep(self) -> None:
        while not self._link.is_closed:
            stood, reason = 0.0, None
            try:
                channel = self._channel = await self._link.channel(_LONG, patient=True)
                self._tag = ""
                channel.raw.add_on_cancel_callback(guarded(lambda _, at=channel: at.end(self._cancelled())))
                await self._subscribe(channel)
                self._stands()
                began = monotonic()
                reason = await self._watch(channel)
                stood = monotonic() - began
            except BrokerError as error:
                reason = error
            except Exception:
                # Whatever it is: without this task nothing would ever be taken from the queue again.
                log.exception("amqp.task_failed", link=self._link.name)
            self._standing = False
            if isinstance(reason, BrokerRefused):
                self._note(LinkStatus.REFUSED, reason, str(reason.code))
            elif isinstance(reason, NoAnswer):
                self._note(LinkStatus.DOWN, reason, "no_answer")
            self._lost()
            if self._channel is not None:
                await self._channel.close()
            if self._link.is_up:
                await asyncio.sleep(self._backoff.pause(stood))

    async def _watch(self, channel: Channel) -> BrokerError:
        """Return why the channel was lost. RabbitMQ may not report a deleted queue, so it is polled, too."""
        alone = 0
        while not (await asyncio.wait([channel.lost], timeout=_LOOK))[0]:
            try:
                info = await self._link.declare_queue(self._from, passive=True)
            except BrokerRefused as refused:
                if refused.code == 404:
                    channel.end(refused)
            except BrokerUnreachable:
                pass
            else:
                # It also says that nobody consumes while the queue's leader is only slow.
                alone = 0 if info.consumers else alone + 1
                if alone == _ALONE:
                    channel.end(self._cancelled())
        return channel.lost.result()

    def _cancelled(self) -> BrokerError:
        return BrokerRefused(
            404, "the broker ended the subscription: the queue is gone, or a message was held too long"
        )

    def _stands(self) -> None:
        self._standing = True
        if self._trouble is not None:
            self._trouble = None
            log.info("amqp.subscription.up", queue=self._about)

    def _note(self, status: LinkStatus, reason: BrokerError, code: str) -> None:
        trouble = status, f"{self._about}: {reason}"
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("amqp.subscription.lost", queue=self._about, code=code, detail=str(reason))

    async def _end(self) -> None:
        """Cancel the consumer. The channel stays open, for messages still to be settled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._standing = False
        self._trouble = None
        channel = self._channel
        if channel is not None and channel.is_open and self._tag:
            try:
                await channel.call(channel.raw.basic_cancel, consumer_tag=self._tag)
            except (BrokerRefused, BrokerUnreachable):
                return
