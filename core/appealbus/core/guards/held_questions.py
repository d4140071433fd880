"""Questions that do not leave: another one's answer serves them, theirs is here, or they must not be repeated."""

import asyncio
from dataclasses import replace

from appealbus.core.domain.access import Served
from appealbus.core.domain.case import KeptAnswer, KeptReplies, Try
from appealbus.core.domain.pauses import STALE
from appealbus.core.guards.attempts import BUDGET_SPENT, LEFT_OUT, STOPPING, Attempts
from appealbus.core.guards.context import SourceContext
from appealbus.core.guards.conversation import MOST_BYTES, of_answer, pack
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.single_flight import Flight, SingleFlight, into
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Reply, Request, Wire
from appealbus.core.masking import masked
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record


class Remembered(Flight):
    """A question served by a fresh answer."""

    prefix = "cache"

    def __init__(self, context: SourceContext, question: Question, question_id: str, known: Ended) -> None:
        super().__init__(None)
        self._context = context
        self._question = question
        self._question_id = question_id
        self._known = known

    async def run(self) -> Ended:
        context, known, question_id = self._context, self._known, self._question_id
        refusal = await context.record(self._question, question_id, Served.CACHE)
        now = context.now()
        if refusal is not None:
            return Ended(refusal, now)
        provenance = _own(known.provenance, self._question, question_id, f"{self.prefix}:{context.connector}")
        tries = tuple(replace(attempt, at=now, ms=0) for attempt in known.tries[-1:])
        replies = _as(known.replies, question_id)
        return Ended(known.outcome, now, provenance=provenance, question=question_id, tries=tries, replies=replies)

    def unanswered(self) -> Ended:
        """Return that there was no time for the access row."""
        return _unrecorded(self._context, self)


class Stale(Remembered):
    """A question served by a stale answer, as the source cannot be asked now. It will be asked again."""

    prefix = "stale"

    def __init__(
        self, context: SourceContext, question: Question, question_id: str, known: Ended, barred: Outcome[Record]
    ) -> None:
        super().__init__(context, question, question_id, known)
        self._barred = barred

    async def run(self) -> Ended:
        ended = await super().run()
        if not ended.question:
            return ended
        reason = f"answered from memory, as it cannot be asked now: {self._barred.reason}"
        return replace(ended, outcome=replace(ended.outcome, code=STALE, reason=reason), stale=self._barred)


class Shared(Flight):
    """A question that is already in flight for another appeal."""

    def __init__(
        self, context: SourceContext, question: Question, question_id: str, flight: Flight, flights: SingleFlight
    ) -> None:
        super().__init__(None)
        self._came: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        # Boarding first keeps the other flight in the air while the row is written.
        self._seat = flights.board(flight, question.deadline, into(self._came))
        self._flights = flights
        self._context = context
        self._question = question
        self._question_id = question_id
        self._flight = flight
        self._is_recorded = False

    async def run(self) -> Ended:
        try:
            refusal = await self._context.record(self._question, self._question_id, Served.SHARED)
            if refusal is not None:
                return Ended(refusal, self._context.now())
            self._is_recorded = True
            return self._mine(await self._came)
        finally:
            self._flights.leave(self._seat)

    def call_off(self) -> None:
        """Leave the other flight at once, before its own task is cancelled, so that new askers do not join it."""
        self._flights.leave(self._seat)
        super().call_off()

    def unanswered(self) -> Ended:
        """Return the other flight's result so far, if there was time for the access row."""
        if self.expired:  # there, too, whichever timer comes first: else its call would be called off, not timed out
            self._flights.expire(self._seat)
        if not self._is_recorded:
            return _unrecorded(self._context, self)
        has_come = self._came.done() and not self._came.cancelled()
        return self._mine(self._came.result() if has_come else self._flight.unanswered())

    def _mine(self, ended: Ended) -> Ended:
        question_id = self._question_id
        provenance = _own(ended.provenance, self._question, question_id, self._context.connector)
        return replace(ended, provenance=provenance, question=question_id, replies=_as(ended.replies, question_id))


def _unrecorded(context: SourceContext, flight: Flight) -> Ended:
    return Ended(STOPPING if context.stopping and not flight.expired else BUDGET_SPENT, context.now())


def _as(replies: KeptReplies | None, question_id: str) -> KeptReplies | None:
    """Return the replies to another appeal's question as replies to this one's."""
    return None if replies is None else replace(replies, question_id=question_id)


def _own(provenance: Provenance | None, question: Question, question_id: str, connector: str) -> Provenance | None:
    """Return the provenance with this appeal's access row and legal basis."""
    if provenance is None:
        return None
    own = {"question_id": question_id, "legal_basis": question.legal_basis, "connector": connector}
    return provenance.model_copy(update=own)


class AnswerReading(Attempts):
    """Has the lookup read an asynchronous answer.

    Nothing leaves, so no limit applies. The access row was written when the question left, under the same id.
    """

    def __init__(self, context: SourceContext, question: Question, answer: KeptAnswer) -> None:
        super().__init__(None, context, question, answer.question_id)
        self.asked_at = answer.asked_at
        self._answer = answer

    async def run(self) -> Ended:
        context, answer = self._context, self._answer
        call = Call(answer.question_id, masked(self.question.number), context.settings.timeout, answer)
        source = self._source(call, context.wire)
        await self._ask(source)
        if self.so_far.record is None:
            self._provenance = self._trail_of_none(source)
        ms = round((answer.answered_at - answer.asked_at).total_seconds() * 1000)
        outcome, question_id = self.so_far, answer.question_id
        self._tries.append(Try(question_id, question_id, answer.asked_at, ms, outcome.kind, outcome.code))
        if context.keep_replies and len(answer.body) <= MOST_BYTES:
            self._replies = await pack(of_answer(answer), context.source, context.keep_replies)
        return replace(self.ended(), read=True)


class LeftOut(Attempts):
    """Runs a lookup whose question must not leave again. Its work before and after the call is done as usual."""

    async def run(self) -> Ended:
        context = self._context
        call = Call(self._question_id, masked(self.question.number), context.settings.timeout)
        await self._ask(self._source(call, _NOWHERE))
        return self.ended()


class _Nowhere(Wire):
    async def call(self, request: Request, call: Call) -> Reply:
        raise CallFailed(LEFT_OUT.kind, LEFT_OUT.code, LEFT_OUT.reason)

    async def health(self) -> Health:
        return Health(False, LEFT_OUT.reason)


_NOWHERE = _Nowhere()
