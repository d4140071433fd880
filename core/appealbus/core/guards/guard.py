"""The guard: what every question to a source passes through."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog

from appealbus.core import clocks
from appealbus.core.domain.access import AccessRow, AwaitedRow, Served
from appealbus.core.domain.case import KeptAnswer
from appealbus.core.domain.replies import KeptReplies
from appealbus.core.domain.source_state import BreakerState, SourceState
from appealbus.core.doors import is_defect
from appealbus.core.guards.attempts import BUDGET_SPENT, STOPPING, AnswerReading, Attempts, LeftOut
from appealbus.core.guards.breaker import Breaker
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.context import SourceContext
from appealbus.core.guards.conversation import Conversation
from appealbus.core.guards.freshness import Freshness
from appealbus.core.guards.latency import Latency
from appealbus.core.guards.limits import Limits
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.rereading import Rereading
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.shared_breaker import SharedBreaker
from appealbus.core.guards.single_flight import SingleFlight
from appealbus.core.guards.slots import Slots
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.outcomes import unavailable
from appealbus.core.interfaces.source import UseOnce
from appealbus.core.interfaces.wire import Wire
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record

log = structlog.get_logger(__name__)

NOT_STARTED = unavailable("plugin.not_started", "the plugin that leads to the source could not start; it tries again")


class Guard:
    """Stands around one source: fresh answers, single flight, breaker, access log, limits, retries.

    Args:
        source_name: of the source, as in the configuration.
        connector_name: of the wire's connector, for the provenance.
        wire: started; whoever made it closes it.
        settings: the source's `guard` table.
        access: writes access rows; they are durable when it returns.
        on_change: told the source and the breaker's new state.
        await_answer: writes an access row, and that an answer will come by itself; for wires whose `answers_async`.
        use_once: has a signed answer count once; for wires that verify signatures.
        limits: where the source's limits are shared with other workers; None: they are this process's own.
        keep_replies: seconds for which replies are kept as they came; 0: they are not.
        plugin: the one that brings the wire.
        defects: where defects of plugins are counted, by the part that has them.
        now: the wall clock.
        monotonic: the clock of `Question.deadline`.

    """

    def __init__(
        self,
        source_name: str,
        connector_name: str,
        wire: Wire,
        settings: GuardSettings,
        *,
        access: Callable[[Sequence[AccessRow]], Awaitable[None]],
        on_change: Callable[[str, str], None],
        await_answer: Callable[[AwaitedRow], Awaitable[None]] | None = None,
        use_once: UseOnce | None = None,
        limits: Limits | None = None,
        keep_replies: float = 0.0,
        plugin: str = "",
        defects: Counter[str] | None = None,
        now: Callable[[], datetime] = clocks.wall,
        monotonic: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self._on_change = on_change
        self._stopping = False
        self.ready = True
        """False while its wire has not started, so that nothing can leave."""
        self._flights: SingleFlight[Attempts] = SingleFlight(clock=monotonic)
        kind = Breaker if limits is None else SharedBreaker
        breaker = kind(settings.breaker_failures, settings.breaker_open, clock=monotonic, on_change=self._changed)
        bucket = Bucket(settings.rate, settings.burst, clock=monotonic) if settings.rate else None
        slots = Slots(settings.concurrency, clock=monotonic)
        if limits is not None and isinstance(breaker, SharedBreaker):
            limits.add(source_name, settings, slots, bucket, breaker)
        self._context = SourceContext(
            source=source_name,
            connector=connector_name,
            wire=wire,
            settings=settings,
            access=access,
            await_answer=await_answer or _nobody_waits,
            use_once=use_once,
            keep_replies=keep_replies,
            now=now,
            monotonic=monotonic,
            breaker=breaker,
            bucket=bucket,
            slots=slots,
            fresh=Freshness(settings.fresh, settings.fresh_entries, clock=monotonic),
            latency=Latency(clock=monotonic),
            plugin=plugin,
            defects=Counter() if defects is None else defects,
        )

    async def ask(self, question: Question) -> Ended:
        """Put the question to the source, or answer it from what is known, before its deadline.

        Never raises, except that it can be cancelled. Whichever way an answer comes, the access log has a row
        for this appeal before the answer is handed out.
        """
        ended = await (self._ask(question) if question.answer is None else self._read(question, question.answer))
        outcomes, kind = self._context.outcomes, ended.outcome.kind.value
        outcomes[kind] = outcomes.get(kind, 0) + 1
        return ended

    async def reread(self, question: Question, conversation: Conversation) -> Ended:
        """Have what was kept of a question read again; nothing leaves, and nothing is counted or remembered."""
        return await Rereading(self._context, question, conversation).run()

    def defect(self, lookup: Lookup[Any, Record], error: BaseException) -> Outcome[Record]:
        """Tell and count what a lookup raised before its question could be put, and return the outcome."""
        return self._context.defect(lookup, error)

    def state(self) -> SourceState:
        """Return how the source stands now. Outcomes are counted since the start, shared and cached ones included."""
        context = self._context
        p50, p95 = context.latency.quantiles(0.5, 0.95)
        return SourceState(
            source=context.source,
            connector=context.connector,
            breaker=context.breaker.state.value,
            in_flight=context.in_flight,
            waiting=len(self._flights) - context.in_flight,
            rate=context.latency.rate(),
            outcomes=dict(context.outcomes),
            unread=dict(context.notes.unread),
            unreadable=dict(context.notes.unreadable),
            differences=dict(context.notes.differences),
            certificates=context.certificates(),
            p50=p50,
            p95=p95,
            last_error=context.last_error,
            last_error_at=context.last_error_at,
            at=context.now(),
        )

    @property
    def left_behind(self) -> int:
        """How many calls went on although their time was up, since the start."""
        return self._context.left_behind

    @property
    def timeout(self) -> float:
        """The longest that one call may take."""
        return self._context.settings.timeout

    @property
    def latency(self) -> Latency:
        """How long its calls take."""
        return self._context.latency

    async def drain(self, grace: float) -> None:
        """Refuse new questions, let those in flight end for up to `grace` seconds, call off the rest."""
        self._stopping = True
        await self._flights.drain(grace)

    async def _ask(self, question: Question) -> Ended:
        context, lookup = self._context, question.lookup
        if self._stopping or not self.ready:
            return Ended(STOPPING if self._stopping else NOT_STARTED, context.now())
        if question.deadline <= context.monotonic():
            return Ended(BUDGET_SPENT, context.now())
        question_id = str(uuid4())
        # What is not idempotent, or is answered later, is each appeal's own: nothing to share, nothing to remember.
        shared = lookup.idempotent and not context.wire.answers_async
        key: Hashable = (lookup.name, question.key if shared else question_id)
        if question.anew:
            context.fresh.drop(key)
        known = context.fresh.get(key)
        if known is not None:
            return await self._from_memory(known, question, question_id)
        attempts = self._flights.find(key)
        if attempts is not None:
            return await self._share(attempts, question, question_id)
        barred = None if question.lost else context.barred()
        if barred is not None:
            return Ended(barred, context.now())
        new = LeftOut if question.lost else Attempts
        return await self._fly(new(key, context, question, question_id))

    async def _read(self, question: Question, answer: KeptAnswer) -> Ended:
        if self._stopping or not self.ready:
            return Ended(STOPPING if self._stopping else NOT_STARTED, self._context.now())
        return await self._fly(AnswerReading(self._context, question, answer))

    async def _fly(self, attempts: Attempts) -> Ended:
        self._flights.launch(attempts)
        seat = self._flights.board(attempts, attempts.question.deadline)
        try:
            return await seat or self._unanswered(attempts)
        finally:
            self._flights.leave(attempts, seat)

    async def _from_memory(self, known: Ended, question: Question, question_id: str) -> Ended:
        refusal = await self._record(question, question_id, Served.CACHE)
        if refusal is not None:
            return Ended(refusal, self._context.now())
        provenance = _own(known.provenance, question, question_id, f"cache:{self._context.connector}")
        replies, now = _as(known.replies, question_id), self._context.now()
        tries = tuple(replace(each, at=now, ms=0) for each in known.tries[-1:])
        return Ended(known.outcome, now, provenance=provenance, question=question_id, tries=tries, replies=replies)

    async def _share(self, attempts: Attempts, question: Question, question_id: str) -> Ended:
        # Boarding first keeps the flight in the air while the row is written.
        seat = self._flights.board(attempts, question.deadline)
        try:
            refusal = await self._record(question, question_id, Served.SHARED)
            if refusal is not None:
                return Ended(refusal, self._context.now())
            ended = await seat or self._unanswered(attempts)
            provenance = _own(ended.provenance, question, question_id, self._context.connector)
            replies = _as(ended.replies, question_id)
            return replace(ended, provenance=provenance, question=question_id, replies=replies)
        finally:
            self._flights.leave(attempts, seat)

    async def _record(self, question: Question, question_id: str, served: Served) -> Outcome[Record] | None:
        try:
            async with asyncio.timeout(question.deadline - self._context.monotonic()):
                return await self._context.record(question, question_id, served)
        except TimeoutError:
            return BUDGET_SPENT

    def _unanswered(self, attempts: Attempts) -> Ended:
        # Called off by `drain`, or this asker's own time is up. What was answered by then counts, and keeps its trail.
        ended = attempts.ended()
        again = attempts.question.lookup.idempotent or not ended.attempts
        if self._stopping and again and not attempts.expired and not ended.outcome.kind.final:
            return replace(ended, outcome=STOPPING)
        return ended

    def _changed(self, state: BreakerState) -> None:
        log.warning("source.changed", source=self._context.source, state=state.value)
        try:
            self._on_change(self._context.source, state.value)
        except BaseException as error:
            if not is_defect(error):
                raise
            log.error("source.change_not_told", source=self._context.source, error=type(error).__name__)


async def _nobody_waits(row: AwaitedRow) -> None:
    raise RuntimeError("this guard was made without a place for answers that come by themselves")


def _as(replies: KeptReplies | None, question_id: str) -> KeptReplies | None:
    """Return the replies to a question that left for another appeal as those to this one's."""
    return None if replies is None else replace(replies, question_id=question_id)


def _own(provenance: Provenance | None, question: Question, question_id: str, connector: str) -> Provenance | None:
    """Return the provenance as this appeal's own: under its access row and by its legal basis."""
    if provenance is None:
        return None
    own = {"question_id": question_id, "legal_basis": question.legal_basis, "connector": connector}
    return provenance.model_copy(update=own)
