"""The address register behind a queue: strict about queries, with configurable failures.

It accepts both forms of queries, and replies to the address in the query, at once or after its `delay`.
"""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import replace

import structlog
from lxml import etree

from appealbus.connectors.broker.broker import (
    Argument,
    Broker,
    Consumer,
    Delivered,
    Header,
    Message,
    Properties,
    Published,
)
from appealbus.schemas.safexml import UnsafeXml, parse
from appealbus.simulator import address, spoil
from appealbus.simulator.agency import AgencyQuestion
from appealbus.simulator.population import Population
from appealbus.simulator.refusal import BAD_FORMAT, RequestRefused
from appealbus.simulator.service import Chance, Fate, SimulatedService, Stats
from appealbus.simulator.settings import AddressService, Kind

log = structlog.get_logger(__name__)

_AT_ONCE = 1000
"""Concurrent queries: more than a bus sends, so that a slow answer does not block the next."""
_LARGEST = 4 * 1024 * 1024
"""Limit of an oversized answer: brokers reject more than 16 MiB."""
_WAITING: Mapping[str, Argument] = {
    "x-queue-type": "quorum",
    "x-overflow": "reject-publish",
    "x-dead-letter-strategy": "at-least-once",
    "x-dead-letter-exchange": "",
}
_BACK_TO = "x-dead-letter-routing-key"
_NO_ANSWER = frozenset({Kind.SILENT, Kind.CUT})
_UNAVAILABLE = frozenset({Kind.FAULT, Kind.STATUS, Kind.HTTP_500, Kind.HTTP_502})


class QueueAgency:
    """Consumes queries from its queue of one broker until closed."""

    def __init__(
        self, settings: AddressService, seed: int, population: Population, stats: Stats, broker: Broker
    ) -> None:
        self._settings = settings
        self._stats = stats
        self._broker = broker
        agency = address.agency(settings.queue)
        self.service = SimulatedService(agency, settings.misbehaviour, Chance(seed), population, stats)
        self._waiting = f"{settings.queue}.waiting"
        self._consumer: Consumer | None = None

    async def start(self) -> None:
        """Declare the queue and consume it."""
        await self._broker.declare_queue(self._settings.queue)
        if self._settings.delay:
            await self._broker.declare_queue(self._waiting, {**_WAITING, _BACK_TO: self._settings.queue})
        self._consumer = await self._broker.consume(self._settings.queue, self._serve, prefetch=_AT_ONCE)

    async def close(self) -> None:
        """Stop consuming; unanswered queries return to the queue. Idempotent."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop(0)

    async def _serve(self, delivered: Delivered) -> None:
        asked = delivered.message
        said = asked.properties
        waited = said.headers.get("x-last-death-queue") == self._waiting
        if not waited:
            self._stats.question(self.service.name, said.correlation_id, said.message_id)
        try:
            question = self._admit(asked)
        except RequestRefused:
            self._stats.refusals["queue.question"] += 1
            log.info("simulator.refused", code="queue.question")
            await self._say(asked, b"", outcome="invalid", code="question")
            delivered.reject()
            return
        if self._settings.delay and not waited:
            await self._wait(delivered)
            return
        fate = self.service.fate(question)
        await asyncio.sleep(self.service.outage_left() + fate.delay)
        if fate.kind not in _NO_ANSWER:
            await self._answer(asked, question, fate)
        delivered.ack()

    async def _wait(self, delivered: Delivered) -> None:
        """Leave a query at the broker until its answer is due: the broker takes back messages held for too long."""
        asked = delivered.message
        properties = replace(asked.properties, expiration=self._settings.delay)
        if await self._broker.publish(Message(asked.body, properties, "", self._waiting)) is Published.CONFIRMED:
            delivered.ack()
        else:
            await asyncio.sleep(1)
            delivered.requeue()

    def _admit(self, asked: Message) -> AgencyQuestion:
        said = asked.properties
        if not (said.correlation_id and said.reply_to and said.message_id) or said.content_type != "application/xml":
            raise RequestRefused(BAD_FORMAT, "the question does not say what it is, or where its answer goes")
        try:
            return self.service.question(parse(asked.body))
        except UnsafeXml as error:
            raise RequestRefused(BAD_FORMAT, error.reason) from None

    async def _answer(self, asked: Message, question: AgencyQuestion, fate: Fate) -> None:
        match fate.kind:
            case kind if kind in _UNAVAILABLE:
                await self._say(asked, b"", fate, outcome="unavailable", code=fate.kind or "")
            case Kind.EMPTY:
                await self._say(asked, b"", fate)
            case Kind.ENTITY_BOMB:
                await self._say(asked, spoil.ENTITY_BOMB, fate)
            case Kind.OVERSIZED:
                await self._say(asked, b" " * min(self.service.rules.oversized_bytes, _LARGEST), fate)
            case _:
                body = self._body(question, fate)
                await self._say(asked, body, fate)
                if fate.kind is Kind.DOUBLED:
                    await self._say(asked, body, fate)

    def _body(self, question: AgencyQuestion, fate: Fate) -> bytes:
        answer = self.service.answer(question, fate)
        body = etree.tostring(answer, encoding="utf-8", xml_declaration=True)
        return spoil.truncated(body) if fate.kind is Kind.TRUNCATED else body

    async def _say(self, asked: Message, body: bytes, fate: Fate | None = None, **headers: Header) -> None:
        if not asked.properties.reply_to:
            return
        strange = fate is not None and fate.kind in (Kind.REPEATED, Kind.REPLAYED)
        properties = Properties(
            message_id=str(uuid.uuid4()),
            correlation_id=str(uuid.uuid4()) if strange else asked.properties.correlation_id,
            content_type="application/xml",
            app_id="simulator",
            headers=headers,
        )
        answer = Message(body, properties, "", asked.properties.reply_to)
        if await self._broker.publish(answer) is not Published.CONFIRMED:
            # Whoever asked at once is gone; a queue of answers that cannot be reached loses one, as agencies do.
            self._stats.answer(self.service.name, "undeliverable")
