"""The intake `amqp`: appeals from a queue, acknowledged once they are stored, with receipts on request."""

import asyncio
from collections.abc import Sequence

import structlog

from appealbus.connectors.amqp.brokers import Brokers, link_of
from appealbus.connectors.amqp.messages import dead_letter, inbound_of, source_of
from appealbus.connectors.amqp.receipt import Allowed, Receipts
from appealbus.connectors.amqp.settings import IntakeSettings
from appealbus.connectors.broker.broker import BrokerError, Consumer, Delivered
from appealbus.core import (
    Acceptor,
    ConfigError,
    Health,
    Inbound,
    Intake,
    JournalError,
    LinkState,
    LinkStatus,
    Quarantined,
    Taken,
)
from appealbus.core.backoff import Backoff, doubled, no_jitter
from appealbus.core.clocks import monotonic

log = structlog.get_logger(__name__)

_HOLD = 60.0
"""Seconds to hold a message while the journal fails: a restarting database is back by then."""
_HOLD_MOST = 900.0
"""Half of the time after which RabbitMQ takes an unacknowledged message back."""
_GIVE_BACK = 5.0
"""Seconds before a message is requeued whose receipt could not be sent; without a pause it would return at once."""
_RETRY, _RETRY_MOST = 0.1, 5.0
"""Shortest and longest pause, in seconds, between attempts while the journal fails."""
_STOP = 5.0
"""Seconds for handlers to end. What is being written is stored by then; the broker gets the rest back."""
_DEAD_PREFETCH = 5
"""Few: they are not urgent, and each costs a write of its whole body."""
_BUSY_POLL = 0.2
"""Seconds between checks: how soon `appealbus run --until-idle` ends after the last message."""
_IDLE_POLL = 1.0
"""Seconds between checks while no message arrives."""


class AmqpIntake(Intake[IntakeSettings]):
    """Consumes two queues: appeals and dead letters."""

    def __init__(self, name: str, settings: IntakeSettings, brokers: Brokers) -> None:
        super().__init__(name, settings)
        self._brokers = brokers
        self._broker = self._brokers.get(settings.broker)
        self._queue = settings.queue or self._brokers.names.intake
        self._dead = settings.dead_letters or self._brokers.names.quarantine
        # Which intake a dead letter was for, the queue that it died in tells.
        self._channels = self._brokers.channels[self._broker, self._dead]
        self._channels[self._queue] = name
        self._brokers.intakes[self._broker].append(self._queue)
        self._acceptor: Acceptor
        self._seen = 0
        self._wrong = ""
        self._consumers: list[Consumer] = []
        self._unrouted: list[Consumer] = []
        counted = (
            "taken",
            "repeated",
            "quarantined",
            "receipts",
            "receipts_unroutable",
            "receipts_refused",
            "given_back",
            "unrouted",
        )
        self._counts = dict.fromkeys(counted, 0)
        named = self._brokers.named[self._broker]
        named |= {self._queue, self._dead}
        allowed = Allowed(self._brokers.names.prefix, named, settings.reply_to, direct=settings.direct_reply_to)
        source = source_of(self._brokers.source, "intakes", name)
        self._receipts = Receipts(name, source, self._broker, allowed, self._counts)
        self.idle = False  # nobody has looked yet

    async def run(self, acceptor: Acceptor) -> None:
        self._acceptor = acceptor
        try:
            await self._brokers.start(self._broker)
        except ConfigError as error:
            self._wrong = str(error)
            raise
        self._wrong = ""
        consumers = self._consumers = []
        try:
            consumers += [await self._broker.consume(self._queue, self._take, prefetch=self.config.prefetch)]
            consumers += [await self._broker.consume(self._dead, self._bury, prefetch=_DEAD_PREFETCH)]
            if self._takes_unrouted:
                # Nobody takes what it has not got: while that queue is missing, the intake is as good as ever.
                unrouted = await self._broker.consume(self._brokers.names.unrouted, self._take_unrouted, prefetch=1)
                self._unrouted = [unrouted]
            await self._watch(consumers)
        finally:
            try:
                await asyncio.gather(*(consumer.stop(_STOP) for consumer in (*consumers, *self._unrouted)))
            finally:
                await self._brokers.close(self._broker)

    async def health(self) -> Health:
        return await self._brokers.health(self._broker)

    def links(self) -> Sequence[LinkState]:
        """Return the state of the connections, with counts of messages by result."""
        links = self._brokers.links(self._broker)
        if self._wrong:
            return (LinkState(f"intake.{self.name}", LinkStatus.REFUSED, self._wrong, counts=dict(self._counts)),)
        troubles = [consumer.trouble for consumer in self._consumers]
        return (*links, link_of(f"intake.{self.name}", links, self._counts, troubles))

    @property
    def _takes_unrouted(self) -> bool:
        """Whether unroutable messages were meant for this intake.

        What is published goes to the bus's own queue of appeals, so the intake of that queue takes them. An intake of
        another queue takes them only if it is the only one at this broker.
        """
        return self._queue == self._brokers.names.intake or len(self._brokers.intakes[self._broker]) == 1

    async def _take(self, delivered: Delivered) -> None:
        await self._take_from(self._queue, delivered)

    async def _take_unrouted(self, delivered: Delivered) -> None:
        self._counts["unrouted"] += 1
        await self._take_from(self._brokers.names.unrouted, delivered)

    async def _take_from(self, queue: str, delivered: Delivered) -> None:
        self._note_one()
        ends = _hold(delivered)
        result = await self._accept(inbound_of(delivered, self.name, queue), delivered, ends)
        if result is None:
            return
        if not await self._receipts.send(delivered.message, result):
            log.warning("amqp.given_back", intake=self.name, reason="the receipt could not be sent")
            await self._give_back(delivered, ends)
            return
        delivered.ack()

    async def _bury(self, delivered: Delivered) -> None:
        """Quarantine a dead letter; acknowledge a hint, which is out of date."""
        self._note_one()
        inbound = dead_letter(delivered.message, self._channels, self._dead, self._brokers.names)
        if inbound is None or await self._accept(inbound, delivered, _hold(delivered)) is not None:
            delivered.ack()

    async def _accept(self, inbound: Inbound, delivered: Delivered, ends: float) -> Taken | Quarantined | None:
        """Pass a message to the bus; return None if the journal failed for so long that another worker shall try."""
        backoff = Backoff(_RETRY, _RETRY_MOST, no_jitter)
        while True:
            try:
                result = await self._acceptor.accept(inbound)
            except JournalError as error:
                pause = backoff.pause()
                if monotonic() + pause >= ends:
                    log.warning("amqp.given_back", intake=self.name, reason="the journal fails", code=error.code)
                    self._counts["given_back"] += 1
                    delivered.requeue()
                    return None
                await asyncio.sleep(pause)
            else:
                kind = "quarantined" if isinstance(result, Quarantined) else "taken" if result.new else "repeated"
                self._counts[kind] += 1
                return result

    async def _give_back(self, delivered: Delivered, ends: float) -> None:
        self._counts["given_back"] += 1
        left = max(0.0, ends - monotonic())
        await asyncio.sleep(doubled(_GIVE_BACK, left, delivered.attempts))
        delivered.requeue()

    def _note_one(self) -> None:
        self._seen += 1
        self.idle = False

    async def _watch(self, consumers: Sequence[Consumer]) -> None:
        while True:
            # The bus's quarantine for what no queue wanted may be missing, and is looked at once it is there.
            self.idle = await self._nothing_left([*consumers, *(one for one in self._unrouted if not one.trouble)])
            await asyncio.sleep(_IDLE_POLL if self.idle else _BUSY_POLL)

    async def _nothing_left(self, consumers: Sequence[Consumer]) -> bool:
        """Whether the queues are empty and no handler runs; the broker is asked again after each message."""
        seen = self._seen
        if not all(consumer.idle for consumer in consumers):
            return False
        if self.idle:
            return True
        try:
            for consumer in consumers:
                info = await self._broker.declare_queue(consumer.queue, passive=True)
                # Where not even we seem to consume, the queue's leader was too slow to say anything.
                if info.messages or not info.consumers:
                    return False
        except BrokerError:
            return False
        return seen == self._seen and all(consumer.idle for consumer in consumers)


def _hold(delivered: Delivered) -> float:
    """Return until when to hold a message: a minute, doubled with each earlier return.

    Queues limit the number of returns; an outage of the database alone must not exhaust it.
    """
    return monotonic() + doubled(_HOLD, _HOLD_MOST, delivered.attempts)
