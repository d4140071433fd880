"""The intake `amqp`: appeals from a queue, acknowledged once they are on disk, with receipts for who asks for one."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import structlog
from pydantic import Field

from appealbus.connectors.amqp.broker import BrokerError, Consumer, Delivered
from appealbus.connectors.amqp.brokers import MAIN, Brokers, link_of
from appealbus.connectors.amqp.inbound import dead_letter, inbound_of
from appealbus.connectors.amqp.receipt import Receipts
from appealbus.core import (
    Acceptor,
    ConfigError,
    Health,
    Inbound,
    Intake,
    LinkState,
    LinkStatus,
    Quarantined,
    Settings,
    Taken,
)
from appealbus.core.journal.errors import JournalError

log = structlog.get_logger(__name__)

_HOLD = 60.0
_HOLD_MOST = 900.0
"""Half of the time after which RabbitMQ takes a message away from whoever holds it."""
_GIVE_BACK = 5.0
_RETRY_MOST = 5.0
_STOP = 5.0
_DEAD_PREFETCH = 5
_BUSY_POLL = 0.2
_IDLE_POLL = 1.0


class IntakeSettings(Settings):
    """A table `[intakes.NAME]` with `kind = "amqp"`."""

    broker: str = MAIN
    """The broker, of those in `[plugins.amqp.brokers]`."""
    queue: str | None = None
    """The queue of appeals; none: `PREFIX.intake`."""
    dead_letters: str | None = None
    """The queue of what the broker gave up on, which goes into the bus's quarantine; none: `PREFIX.quarantine`."""
    prefetch: int = Field(default=50, ge=1, le=1000)
    """Messages that this worker holds at once; what a crash gives back to the broker."""


class AmqpIntake(Intake[IntakeSettings]):
    """Consumes two queues: that of appeals, and that of messages which the broker gave up on."""

    kind = "amqp"
    settings = IntakeSettings
    brokers: ClassVar[Brokers]

    def __init__(self, name: str, settings: IntakeSettings) -> None:
        super().__init__(name, settings)
        self._broker = self.brokers.get(settings.broker)
        self._queue = settings.queue or self.brokers.names.intake
        self._dead = settings.dead_letters or self.brokers.names.quarantine
        # Which intake a dead letter was for, the queue that it died in tells.
        self._channels = self.brokers.channels[self._broker, self._dead]
        self._channels[self._queue] = name
        self._acceptor: Acceptor
        self._seen = 0
        self._wrong = ""
        self._consumers: list[Consumer] = []
        counted = ("taken", "repeated", "quarantined", "receipts", "receipts_unroutable", "given_back")
        self._counts = dict.fromkeys(counted, 0)
        self._receipts = Receipts(name, self._broker, self.brokers.names, self._counts)
        self.idle = False  # nobody has looked yet

    async def run(self, acceptor: Acceptor) -> None:
        """Take messages until cancelled."""
        self._acceptor = acceptor
        try:
            await self.brokers.start(self._broker)
        except ConfigError as error:
            self._wrong = str(error)
            raise
        self._wrong = ""
        consumers = self._consumers = []
        try:
            consumers += [await self._broker.consume(self._queue, self._take, prefetch=self.config.prefetch)]
            consumers += [await self._broker.consume(self._dead, self._bury, prefetch=_DEAD_PREFETCH)]
            await self._watch(consumers)
        finally:
            try:
                await asyncio.gather(*(consumer.stop(_STOP) for consumer in consumers))
            finally:
                await self.brokers.close(self._broker)

    async def health(self) -> Health:
        """Say whether the broker can be reached."""
        return await self.brokers.health(self._broker)

    def links(self) -> Sequence[LinkState]:
        """Say how the connections to the broker stand, and what has become of the messages."""
        links = self.brokers.links(self._broker)
        if self._wrong:
            return (LinkState(f"intake.{self.name}", LinkStatus.REFUSED, self._wrong, counts=dict(self._counts)),)
        troubles = [consumer.trouble for consumer in self._consumers]
        return (*links, link_of(f"intake.{self.name}", links, self._counts, troubles))

    async def _take(self, delivered: Delivered) -> None:
        self._note_one()
        ends = _hold(delivered)
        result = await self._accept(inbound_of(delivered, self.name, self._queue), delivered, ends)
        if result is None:
            return
        if not await self._receipts.send(delivered.message, result):
            log.warning("amqp.given_back", intake=self.name, reason="the receipt could not be sent")
            await self._give_back(delivered, ends)
            return
        delivered.ack()

    async def _bury(self, delivered: Delivered) -> None:
        """Put into quarantine what the broker gave up on; hints are worth nothing by then."""
        self._note_one()
        inbound = dead_letter(delivered.message, self._channels, self._dead, self.brokers.names)
        if inbound is None or await self._accept(inbound, delivered, _hold(delivered)) is not None:
            delivered.ack()

    async def _accept(self, inbound: Inbound, delivered: Delivered, ends: float) -> Taken | Quarantined | None:
        """Have a message taken; None where the journal failed for so long that another worker shall try."""
        clock = asyncio.get_running_loop().time
        pause = 0.1
        while True:
            try:
                result = await self._acceptor.accept(inbound)
            except JournalError as error:
                if clock() + pause >= ends:
                    log.warning("amqp.given_back", intake=self.name, reason="the journal fails", code=error.code)
                    self._counts["given_back"] += 1
                    delivered.requeue()
                    return None
                await asyncio.sleep(pause)
                pause = min(_RETRY_MOST, pause * 2)
            else:
                kind = "quarantined" if isinstance(result, Quarantined) else "taken" if result.new else "repeated"
                self._counts[kind] += 1
                return result

    async def _give_back(self, delivered: Delivered, ends: float) -> None:
        self._counts["given_back"] += 1
        left = ends - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(left, _GIVE_BACK * 2.0 ** min(delivered.attempts, 10))))
        delivered.requeue()

    def _note_one(self) -> None:
        self._seen += 1
        self.idle = False

    async def _watch(self, consumers: Sequence[Consumer]) -> None:
        while True:
            self.idle = await self._nothing_left(consumers)
            await asyncio.sleep(_IDLE_POLL if self.idle else _BUSY_POLL)

    async def _nothing_left(self, consumers: Sequence[Consumer]) -> bool:
        """Say whether all that was sent is dealt with: asked of the broker once, and again after each message."""
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
    """Return until when a message is held: a minute, and twice as long each time it came back before.

    A queue has a limit of returns, and a message must not reach it only because the database is down.
    """
    return asyncio.get_running_loop().time() + min(_HOLD_MOST, _HOLD * 2.0 ** min(delivered.attempts, 10))
