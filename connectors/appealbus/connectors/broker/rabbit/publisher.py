"""Publishing: a window over everything in flight, and a channel for each exchange."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from pika.exceptions import ChannelWrongStateError, ConnectionWrongStateError

from appealbus.connectors.broker.broker import BrokerError, BrokerRefused, Message, Published
from appealbus.connectors.broker.rabbit.confirms import UNSENT, Confirms, Settled
from appealbus.connectors.broker.rabbit.link import FIRST_PAUSE, Link
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core.backoff import Backoff
from appealbus.core.clocks import monotonic

log = structlog.get_logger(__name__)

_LONG = 3600.0
"""Seconds: practically unlimited. When they are over, the wait begins anew."""
_TOO_LARGE = Settled(Published.UNFIT, 311, "the message is larger than `largest_message`")
_TOO_LONG = Settled(Published.UNFIT, 501, "a name or a property of the message is too long")


class Window:
    """A limit of messages and their bytes. Senders wait in turn. A single message may exceed the bytes."""

    def __init__(self, messages: int, size: int) -> None:
        self._messages = messages
        self._size = size
        self._in = 0
        self._bytes = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    def take(self, size: int) -> bool:
        """Enter at once, if there is room and nobody waits."""
        if self._queue or not self._fits(size):
            return False
        self._in += 1
        self._bytes += size
        return True

    async def enter(self, size: int, deadline: float) -> bool:
        """Wait for room; False if there was none in time."""
        if self.take(size):
            return True
        place = asyncio.get_running_loop().create_future()
        self._queue.append((size, place))
        try:
            async with asyncio.timeout_at(deadline):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self.leave(size)  # it was our turn at the very moment
            else:
                place.cancel()
                self._admit()
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def leave(self, size: int) -> None:
        self._in -= 1
        self._bytes -= size
        if self._queue:
            self._admit()

    def _admit(self) -> None:
        while self._queue:
            size, place = self._queue[0]
            if not place.done():
                if not self._fits(size):
                    return
                self._in += 1
                self._bytes += size
                place.set_result(None)
            self._queue.popleft()

    def _fits(self, size: int) -> bool:
        return self._in < self._messages and (self._bytes + size <= self._size or self._in == 0)


class Publisher:
    """Publishes over one link. An error with one exchange closes only its channel."""

    def __init__(self, link: Link, settings: BrokerSettings) -> None:
        self._link = link
        self._largest = settings.largest_message
        self._longest_pause = settings.reconnect_max
        self._window = Window(settings.window, settings.window_bytes)
        self._channels: dict[str, _ExchangeChannel] = {}
        self._counts = link.counts

    @property
    def detail(self) -> str:
        return self._link.state().detail

    @property
    def refusals(self) -> str:
        """The last refusal, for each exchange that has accepted nothing since."""
        refused = ((name, channel.refusal) for name, channel in self._channels.items() if channel.refusal)
        return "; ".join(f"a message to {name or 'the default exchange'} was refused: {why}" for name, why in refused)

    async def send(self, message: Message, *, mandatory: bool, within: float) -> Settled:
        """Publish, and wait for the result or the end of the time."""
        return (await self.send_all([message], mandatory=mandatory, within=within))[0]

    async def send_all(self, messages: Sequence[Message], *, mandatory: bool, within: float) -> list[Settled]:
        """Publish messages in order; return all results in the same order."""
        deadline = monotonic() + within
        # All leave before the first word is waited for: most words have come then, and cost no wait of their own.
        begun = [await self._begin(message, mandatory=mandatory, deadline=deadline) for message in messages]
        return [
            self._channels[message.exchange].note(word if isinstance(word, Settled) else await word)
            for message, word in zip(messages, begun, strict=True)
        ]

    async def _begin(
        self, message: Message, *, mandatory: bool, deadline: float
    ) -> "Settled | asyncio.Future[Settled]":
        """Publish once there are a channel and room. Return a future of the result, or the result if it failed."""
        size = len(message.body)
        self._counts["published"] += 1
        if (channel := self._channels.get(message.exchange)) is None:
            channel = self._channels[message.exchange] = _ExchangeChannel(self._link, self._window, self._longest_pause)
        if size > self._largest:
            return self._count(_TOO_LARGE)
        while True:
            confirms = channel.confirms
            if confirms is None or self._link.is_blocked:
                if not await self._link.change(deadline):
                    return self._count(UNSENT)
                continue
            if not self._window.take(size):
                if not await self._window.enter(size, deadline):
                    return self._count(UNSENT)
                if channel.confirms is not confirms or self._link.is_blocked:
                    self._window.leave(size)
                    continue
            try:
                return confirms.send(message, mandatory=mandatory, within=max(0.0, deadline - monotonic()))
            except Exception as error:
                self._window.leave(size)
                if isinstance(error, ChannelWrongStateError | ConnectionWrongStateError):
                    # The channel has yet to hear of it; without this we would come round here before it does.
                    channel.drop(confirms)
                    continue
                # A text too long for AMQP: pika has sent nothing.
                return self._count(_TOO_LONG)

    async def close(self) -> None:
        """Close all channels. Messages without confirmation are settled as indeterminate."""
        for channel in self._channels.values():
            await channel.close()

    def _count(self, settled: Settled) -> Settled:
        self._counts[settled.published.value] += 1
        return settled


class _ExchangeChannel:
    """The channel for one exchange, and the task that replaces it."""

    def __init__(self, link: Link, window: Window, longest_pause: float) -> None:
        self.confirms: Confirms | None = None
        self.refusal = ""
        self._link = link
        self._window = window
        self._backoff = Backoff(FIRST_PAUSE, longest_pause)
        self._retired: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._keep())

    def note(self, settled: Settled) -> Settled:
        """Remember why the broker accepts nothing here."""
        if settled.published not in {Published.INDETERMINATE, Published.UNREACHABLE}:
            self.refusal = settled.why
        return settled

    def drop(self, confirms: Confirms) -> None:
        if self.confirms is confirms:
            self.confirms = None
        confirms.retired.set()

    async def close(self) -> None:
        tasks = [self._task, *self._retired]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _keep(self) -> None:
        while not self._link.is_closed:
            try:
                confirms = await self._open()
            except BrokerError:
                await asyncio.sleep(self._backoff.pause())
                continue
            except Exception:
                # Whatever it is: without this task nothing would ever be published to the exchange again.
                log.exception("amqp.task_failed", link=self._link.name)
                await asyncio.sleep(self._backoff.pause())
                continue
            lost = confirms.channel.lost
            began = monotonic()
            try:
                self.confirms = confirms
                self._link.announce()
                await _first(lost, confirms.retired)
            finally:
                self.confirms = None
                self._let_end(confirms)
            if lost.done() and isinstance(lost.result(), BrokerRefused):
                # A channel that is closed over each message must not be made anew thousands of times a second.
                await asyncio.sleep(min(self._backoff.pause(monotonic() - began), 1.0))

    async def _open(self) -> Confirms:
        while self._link.is_blocked:
            await self._link.change(monotonic() + _LONG)
        channel = await self._link.channel(_LONG, patient=True)
        confirms = Confirms(channel, self._window.leave, self._link.counts)
        try:
            await confirms.begin()
        except BaseException:
            await channel.close()
            raise
        return confirms

    def _let_end(self, confirms: Confirms) -> None:
        task = asyncio.create_task(self._end(confirms))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    @staticmethod
    async def _end(confirms: Confirms) -> None:
        """Let a retired channel's messages be settled, each by its own deadline, then close the channel."""
        try:
            await _first(confirms.channel.lost, confirms.empty)
        finally:
            confirms.lost(confirms.channel.lost.result() if confirms.channel.lost.done() else BrokerError("closed"))
            with suppress(BrokerError):
                await confirms.channel.close()


async def _first(lost: "asyncio.Future[BrokerError]", event: asyncio.Event) -> None:
    waiter = asyncio.create_task(event.wait())
    try:
        either: list[asyncio.Future[Any]] = [lost, waiter]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
