"""The guard that every question to a source passes."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import structlog

from appealbus.core import clocks
from appealbus.core.config.models import MeaninglessSettings
from appealbus.core.domain.access import AccessRow, AwaitedRow
from appealbus.core.domain.source_state import BreakerState, SourceState
from appealbus.core.domain.usual import Usual
from appealbus.core.guards.attempts import BUDGET_SPENT, STOPPING, Attempts
from appealbus.core.guards.breaker import Breaker
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.cached_answers import Remembered, Shared, Stale
from appealbus.core.guards.context import SourceContext
from appealbus.core.guards.conversation import Conversation
from appealbus.core.guards.freshness import Freshness
from appealbus.core.guards.gate import Gate, QuotaBook
from appealbus.core.guards.held_questions import AnswerReading, LeftOut
from appealbus.core.guards.latency import Latency
from appealbus.core.guards.limits import Limits
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.rereading import Rereading
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.shared_breaker import SharedBreaker
from appealbus.core.guards.single_flight import Flight, SingleFlight, Tell, into
from appealbus.core.guards.slots import Slots
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.outcomes import unavailable
from appealbus.core.interfaces.source import UseOnce
from appealbus.core.interfaces.wire import Wire
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

log = structlog.get_logger(__name__)

_MOST_AGAIN = 500
"""Limit of parked questions per second: two and a half claims of the dispatcher."""
NOT_STARTED = unavailable("plugin.not_started", "the plugin that leads to the source could not start; it tries again")


class Guard:
    """Protects one source: fresh answers, single flight, breaker, access log, limits, retries.

    Args:
        wire: already started; its creator closes it.
        access: writes access rows; they are durable when it returns.
        on_change: called with the source and the breaker's new state.
        await_answer: writes an access row for an asynchronous answer; for wires with `answers_async`.
        use_once: ensures that a signed answer counts once; for wires that verify signatures.
        limits: limits shared with other workers; None: they belong to this process.
        keep_replies: seconds for which raw replies are kept; 0: not at all.
        meaningless: elements of replies that are not needed.
        quota: counts the quota calls; None: they are not counted.
        first_share: share of the quotas reserved for first versions.
        due: the journal's clock, for pauses and quotas; None: the wall clock.
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
        meaningless: Sequence[MeaninglessSettings] = (),
        plugin: str = "",
        defects: Counter[str] | None = None,
        quota: QuotaBook | None = None,
        first_share: float = 0.25,
        now: Callable[[], datetime] = clocks.wall,
        due: Callable[[], datetime] | None = None,
        monotonic: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self._on_change = on_change
        self.ready = True
        """False until its wire has started; nothing can leave before."""
        self._flights = SingleFlight(clock=monotonic)
        kind = Breaker if limits is None else SharedBreaker
        breaker = kind(settings.breaker_failures, settings.breaker_open, clock=monotonic, on_change=self._changed)
        bucket = Bucket(settings.rate, settings.burst, clock=monotonic) if settings.rate else None
        slots = Slots(settings.concurrency, clock=monotonic)
        self.gate = Gate(
            source_name, settings, now=due or now, monotonic=monotonic, book=quota, first_share=first_share
        )
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
            meaningless=meaningless,
            now=now,
            monotonic=monotonic,
            breaker=breaker,
            bucket=bucket,
            slots=slots,
            fresh=Freshness(settings.fresh, settings.fresh_entries, clock=monotonic, stale=settings.stale),
            latency=Latency(clock=monotonic),
            gate=self.gate,
            plugin=plugin,
            defects=Counter() if defects is None else defects,
        )

    def put(self, question: Question, tell: Tell) -> Callable[[], None]:
        """Ask the question, or answer it from the cache, before its deadline.

        The access log has a row for this appeal before `tell` is called, once, maybe before this returns. The returned
        callback withdraws the question, so that `tell` is not called any more.
        """
        told = partial(self._count, tell)
        outcome = self._refused(question)
        if outcome is None:
            flight = self._flight(question)
            if isinstance(flight, Flight):
                return partial(self._flights.leave, self._flights.board(flight, question.deadline, told))
            outcome = flight
        told(Ended(outcome, self._context.now()))
        return _nothing

    async def ask(self, question: Question) -> Ended:
        """Put the question, and return how it has ended. Never raises, except that it can be cancelled."""
        ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        call_off = self.put(question, into(ended))
        try:
            return await ended
        finally:
            call_off()

    async def reread(self, question: Question, conversation: Conversation) -> Ended:
        """Read stored replies again; nothing leaves, and nothing is counted or cached."""
        return await Rereading(self._context, question, conversation).run()

    def defect(self, lookup: Lookup[Any, Record], error: BaseException) -> Outcome[Record]:
        """Log and count an error of a lookup before its question was asked, and return the outcome."""
        return self._context.defect(lookup, error)

    def recall(self, state: SourceState, lookups: Collection[str], present: Mapping[str, str]) -> None:
        """Restore what the last run knew of the source's replies.

        Data of lookups that are not loaded is kept, as a plugin may be broken at one start. `present` has current names
        by former ones.
        """
        usual: dict[str, Usual] = {}
        for name, each in state.usual.items():
            now = present.get(name, name)
            usual[now] = usual[now] + each if now in usual else each
        self._context.usual, self._context.absent = usual, usual.keys() - lookups

    def state(self) -> SourceState:
        """Return the source's current state. Outcomes are counted since the start, including shared and cached ones."""
        context = self._context
        p50, p95 = context.latency.quantiles(0.5, 0.95)
        return SourceState(
            source=context.source,
            connector=context.connector,
            breaker=context.breaker.state.value,
            in_flight=context.in_flight,
            waiting=len(context.slots) + (0 if context.bucket is None else len(context.bucket)),
            rate=context.latency.rate(),
            outcomes=dict(context.outcomes),
            unread=dict(context.notes.unread),
            unreadable=dict(context.notes.unreadable),
            differences=dict(context.notes.differences),
            drifts=context.drifting(),
            usual={name: each.snapshot() for name, each in context.usual.items()},
            certificates=context.certificates(),
            paused_until=self.gate.paused_until,
            closed_until=self.gate.closed_until,
            quota_left=dict(self.gate.left),
            p50=p50,
            p95=p95,
            last_error=context.last_error,
            last_error_at=context.last_error_at,
            at=context.now(),
        )

    @property
    def takes_now(self) -> int:
        """Number of questions that it can take in the next second."""
        context = self._context
        waiting = len(context.slots) + (0 if context.bucket is None else len(context.bucket))
        if context.stopping or waiting or not self.ready or self.gate.shut_to_returning:
            return 0
        if context.breaker.state is not BreakerState.CLOSED:
            return 0
        pace = context.slots.pace
        settings = context.settings
        most = max(settings.concurrency, int(min(1 / pace, _MOST_AGAIN)) if pace else 0)
        return min(most, _MOST_AGAIN, max(1, int(settings.rate)) if settings.rate else most)

    @property
    def left_behind(self) -> int:
        return self._context.left_behind

    @property
    def timeout(self) -> float:
        """The longest that one call may take."""
        return self._context.settings.timeout

    @property
    def latency(self) -> Latency:
        """Durations of its calls."""
        return self._context.latency

    async def drain(self, grace: float) -> None:
        """Refuse new questions, let running ones end for up to `grace` seconds, cancel the rest."""
        self._context.stopping = True
        await self._flights.drain(grace)
        if self.gate.settling:
            await asyncio.wait(self.gate.settling, timeout=grace)

    def _refused(self, question: Question) -> Outcome[Record] | None:
        """Return the outcome of a question that is too late or too early; else None."""
        if self._context.stopping:
            return STOPPING
        if not self.ready:
            return NOT_STARTED
        late = question.answer is None and question.deadline <= self._context.monotonic()
        return BUDGET_SPENT if late else None

    def _flight(self, question: Question) -> Flight | Outcome[Record]:
        """Return a started flight for the question, or its outcome if nothing may leave."""
        context, lookup = self._context, question.lookup
        if question.answer is not None:
            return self._launched(AnswerReading(context, question, question.answer))
        question_id = str(uuid4())
        # What is not idempotent, or is answered later, is each appeal's own: nothing to share, nothing to remember.
        key = (lookup.name, question.key) if lookup.idempotent and not context.wire.answers_async else None
        if not question.anew and (known := context.fresh.get(key)) is not None:
            return self._launched(Remembered(context, question, question_id, known))
        if (flight := self._flights.find(key)) is not None:
            if isinstance(flight, Attempts):
                flight.shared_with(question)
            return self._launched(Shared(context, question, question_id, flight, self._flights))
        if not question.lost and (barred := context.barred(question)) is not None:
            # Who has an answer keeps it until the source can be asked; what is in memory may serve others meanwhile.
            stale = None if question.anew else context.fresh.stale(key)
            return barred if stale is None else self._launched(Stale(context, question, question_id, stale, barred))
        if question.anew:
            context.fresh.drop(key)
        new = LeftOut if question.lost else Attempts
        return self._launched(new(key, context, question, question_id))

    def _launched(self, flight: Flight) -> Flight:
        self._flights.launch(flight)
        return flight

    def _count(self, tell: Tell, ended: Ended) -> None:
        outcomes, kind = self._context.outcomes, ended.outcome.kind.value
        outcomes[kind] = outcomes.get(kind, 0) + 1
        tell(ended)

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


def _nothing() -> None:
    """Withdrawal of a question that has already ended."""
