"""Wire to one agency that is asked through queues."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from appealbus.connectors.amqp.agency.async_answers import Listener, packed, unpacked
from appealbus.connectors.amqp.agency.body import MEDIA_TYPES, load_schema, read, too_large, written
from appealbus.connectors.amqp.agency.outcomes import failure_from_headers
from appealbus.connectors.amqp.agency.settings import AgencySettings
from appealbus.connectors.amqp.brokers import Brokers, link_of, unreached
from appealbus.connectors.amqp.topology import WantedTopology, answers_of
from appealbus.connectors.broker.broker import (
    BrokerError,
    BrokerRefused,
    BrokerUnreachable,
    Message,
    Properties,
    Published,
    RequestTimedOut,
    RequestUnroutable,
)
from appealbus.core import Answers, Call, CallFailed, Health, LinkState, Notes, RawReply, Reply, Request, Wire
from appealbus.core.clocks import wall
from appealbus.core.replies.xmlschema import Checker
from appealbus.schemas.base import printable
from appealbus.schemas.outcome import OutcomeKind

_PUBLISH = 10.0
"""Seconds for the broker to confirm, usually milliseconds. Later the question is sent again under the same id."""
_LOOK = 5.0
"""Seconds for a health check, which a caller waits for."""
_SHORT = 100
"""Characters kept of an agency's message id. Ours have 36; the limit bounds the size of a dossier."""
_UNROUTABLE = (OutcomeKind.UNAVAILABLE, "amqp.unroutable", "nobody serves the source's queue")
_UNREACHABLE = (OutcomeKind.UNAVAILABLE, "amqp.unreachable", "no connection to the broker, or it was lost")
_NOT_TAKEN = (OutcomeKind.UNAVAILABLE, "amqp.not_taken", "the broker did not take the question")
_FAILURES: tuple[tuple[type[BrokerError], tuple[OutcomeKind, str, str]], ...] = (
    (RequestUnroutable, _UNROUTABLE),
    (RequestTimedOut, (OutcomeKind.TIMED_OUT, "amqp.timed_out", "no answer in time")),
    (BrokerUnreachable, _UNREACHABLE),
    (BrokerRefused, _NOT_TAKEN),
)
_UNCONFIRMED = (OutcomeKind.TIMED_OUT, "amqp.unconfirmed", "the broker did not say in time whether it has the question")
_NO_QUEUE = (
    OutcomeKind.UNAVAILABLE,
    "amqp.no_answers_queue",
    "the queue that the answer would go to is not there; `appealbus topology apply` makes it",
)
_AWAITING = "the source has the question; its answer comes by itself"


class AgencyWire(Wire):
    rereads = True

    def __init__(self, source: str, settings: AgencySettings, brokers: Brokers) -> None:
        self._broker = brokers.get(settings.broker)
        if settings.queue is not None:
            brokers.named[self._broker].add(settings.queue)
        self.answers_async = settings.answers
        self.answers_queue = brokers.names.answers(source) if settings.answers else None
        """Queue of asynchronous answers; None if each answer comes as the reply to its request."""
        self._source = source
        self._settings = settings
        self.replies = settings.replies
        self._brokers = brokers
        self._schema: Checker | None = None
        self._checking = threading.Lock()
        self._listener: Listener | None = None
        self._open = False
        self._answerable = False

    async def start(self) -> None:
        """Read the schema and begin to connect. Raises ConfigError if schema or broker settings are invalid."""
        if self._settings.xsd is not None:
            self._schema = await asyncio.to_thread(load_schema, self._settings.xsd, f"sources.{self._source}.xsd")
        self._open = True
        wanted = answers_of(self._brokers.names, self._source) if self.answers_async else WantedTopology()
        await self._brokers.start(self._broker, wanted)

    async def listen(self, answers: Answers) -> None:
        if self.answers_queue is not None:
            queues = (self.answers_queue, self._brokers.names.dead_answers(self._source))
            self._listener = Listener(self._source, queues, self._settings.limit)
            await self._listener.start(self._broker, answers)

    async def call(self, request: Request, call: Call) -> Reply:
        """Send the question and return the answer, or parse the asynchronous answer that `call` carries.

        Raises:
            CallFailed: `amqp.*`, `xml.*`; `amqp.awaiting` if the answer comes asynchronously.
        """
        if call.answer is not None:
            late = unpacked(call.answer)
            if late.too_large:
                raise too_large(self._settings.limit)
            return await self._aside(partial(self._read, late.body, late.properties, call.answer.answered_at))
        message = self._message(request, call)
        if self.answers_async:
            await self._send(message, call)
        try:
            reply = await self._broker.request(message, call.timeout)
        except BrokerError as error:
            raise CallFailed(*next(failure for kind, failure in _FAILURES if isinstance(error, kind))) from None
        came_at = datetime.now(UTC)
        if call.came is not None:
            call.came(RawReply(reply.body, packed(reply, self._settings.limit).head, came_at))
        return await self._aside(partial(self._read, reply.body, reply.properties, came_at))

    def _message(self, request: Request, call: Call) -> Message:
        settings = self._settings
        properties = Properties(
            message_id=call.question_id,
            correlation_id=call.question_id,
            reply_to=self.answers_queue or "",
            content_type=MEDIA_TYPES[settings.format],
            type=settings.type,
            app_id="appealbus",
            timestamp=wall(),
        )
        body = written(request.body, settings.format)
        return Message(body, properties, settings.exchange or "", settings.routing_key or settings.queue or "")

    async def _send(self, message: Message, call: Call) -> NoReturn:
        """Publish the question; raise CallFailed `amqp.awaiting` once it is confirmed, else another one."""
        await self._prove_answerable()
        result = await self._broker.publish(message, within=min(_PUBLISH, call.timeout))
        match result:
            case Published.CONFIRMED:
                within = self._settings.answer_within
                raise CallFailed(OutcomeKind.AWAITING, "amqp.awaiting", _AWAITING, retry_after=within)
            case Published.UNROUTABLE:
                raise CallFailed(*_UNROUTABLE)
            case Published.REFUSED | Published.UNFIT:
                raise CallFailed(*_NOT_TAKEN)
            case Published.UNREACHABLE:
                raise CallFailed(*_UNREACHABLE)
            case Published.INDETERMINATE:
                raise CallFailed(*_UNCONFIRMED)

    async def _prove_answerable(self) -> None:
        """Check that the answer queue exists: a broker drops messages for a missing queue."""
        heard = self._listener is None or not self._listener.troubles
        if self.answers_queue is None or (self._answerable and heard):
            return
        try:
            await self._broker.declare_queue(self.answers_queue, passive=True)
        except BrokerUnreachable:
            raise CallFailed(*_UNREACHABLE) from None
        except BrokerRefused as refusal:
            if refusal.code == 404:
                raise CallFailed(*_NO_QUEUE) from None
        self._answerable = True

    async def _aside(self, step: Callable[[], Reply]) -> Reply:
        """Parse an answer, in a thread if there is a schema: matching its patterns may take long."""
        return step() if self._schema is None else await asyncio.to_thread(self._alone, step)

    def _alone(self, step: Callable[[], Reply]) -> Reply:
        with self._checking:  # a validator has one log of errors for all threads
            return step()

    def _read(self, body: bytes, properties: Properties, observed_at: datetime) -> Reply:
        try:
            return self._answer(body, properties, observed_at)
        except CallFailed as failed:
            raise failed.over(body, observed_at) from failed.__cause__

    def _answer(self, body: bytes, properties: Properties, observed_at: datetime) -> Reply:
        failure = failure_from_headers(properties.headers)
        if failure is not None:
            raise failure
        settings = self._settings
        notes = Notes(self.replies)
        content = read(body, properties.content_type, settings.format, settings.limit, schema=self._schema, notes=notes)
        message_id = printable(properties.message_id[:_SHORT]) or None
        sha256 = hashlib.sha256(body).hexdigest()
        gaps, differences = notes.gaps if notes.compared else None, notes.differences
        return Reply(content, sha256, observed_at, message_id=message_id, differences=differences, gaps=gaps)

    async def health(self) -> Health:
        """Check that the queue of questions has a consumer."""
        queue = self._settings.queue
        if not await self._broker.up(_LOOK):
            return unreached(self._broker)
        if queue is None:
            return Health(ok=True, detail="the broker is there; who takes from the exchange cannot be seen")
        try:
            info = await self._broker.declare_queue(queue, passive=True)
        except BrokerError as error:
            return Health(ok=False, detail=str(error))
        waiting = f"{info.messages} questions wait in {queue}"
        if not info.consumers:
            # The broker says the same while the queue's leader is too slow to say anything.
            return Health(ok=False, detail=f"nobody takes from the queue as far as the broker knows now; {waiting}")
        return Health(ok=True, detail=f"{info.consumers} take from the queue; {waiting}")

    def describe(self) -> str:
        settings = self._settings
        where = settings.queue or f"{settings.exchange} with the key {settings.routing_key}"
        later = f"; answers come to {self.answers_queue}" if self.answers_queue else ""
        return f"{settings.format.value} to {where} of the broker {settings.broker}{later}"

    def links(self) -> Sequence[LinkState]:
        """Return the state of the broker's connections, with the counts of answers."""
        links = self._brokers.links(self._broker)
        if not self.answers_async:
            return (*links, link_of(f"{self._broker.name}.replies", links, {}, [self._broker.requests_trouble]))
        if self._listener is None:
            return links
        return (*links, link_of(f"answers.{self._source}", links, self._listener.counts, self._listener.troubles))

    async def close(self) -> None:
        if self._listener is not None:
            await self._listener.stop()
        if self._open:
            self._open = False
            await self._brokers.close(self._broker)
