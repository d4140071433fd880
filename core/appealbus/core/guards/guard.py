"""The guard of a source, and in order what a question passes on its way there.

`CHAIN` is what comes before a call. What it lets through makes its calls in `attempts`: for each it takes a slot, a
token of the rate, a place in the breaker and a call of the quota, writes the access row, and looks at the gate again.
That part is flat, since each of these is held while the next is awaited: objects around each other would cost every
call as many coroutines.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeAlias
from uuid import uuid4

from appealbus.core.domain.source_state import BreakerState, SourceState
from appealbus.core.domain.usual import Usual
from appealbus.core.guards.attempts import BUDGET_SPENT, STOPPING, Attempts
from appealbus.core.guards.context import Bound, GuardServices, SourceContext
from appealbus.core.guards.conversation import Conversation
from appealbus.core.guards.held_questions import AnswerReading, LeftOut, Remembered, Shared, Stale
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.rereading import Rereading
from appealbus.core.guards.single_flight import Flight, Tell, into
from appealbus.core.interfaces.lookup import Lookup, unavailable
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

Key: TypeAlias = tuple[str, str] | None
"""Of equal questions; None for one that is its own appeal's, so that nothing is shared or remembered."""
Policy: TypeAlias = Callable[[SourceContext, Question, Key], Flight | Outcome[Record] | None]
"""Settles a question with a flight or an outcome; None: the next policy does."""

NOT_STARTED = unavailable("plugin.not_started", "the plugin that leads to the source could not start; it tries again")
_STUCK = unavailable(
    "plugin.stuck", "too many of its calls go on although their time is up; it is left alone until they have ended"
)


def in_time(context: SourceContext, question: Question, key: Key) -> Outcome[Record] | None:
    """Refuse what comes too early or too late."""
    if context.stopping:
        return STOPPING
    if not context.ready:
        return NOT_STARTED
    late = question.answer is None and question.deadline <= context.monotonic()
    return BUDGET_SPENT if late else None


def late_answer(context: SourceContext, question: Question, key: Key) -> Flight | None:
    """Read an asynchronous answer that has come."""
    return None if question.answer is None else AnswerReading(context, question, question.answer)


def fresh_answer(context: SourceContext, question: Question, key: Key) -> Flight | None:
    known = None if question.anew else context.fresh.get(key)
    return None if known is None else Remembered(context, question, str(uuid4()), known)


def single_flight(context: SourceContext, question: Question, key: Key) -> Flight | None:
    """Join an equal question that is under way."""
    flight = context.flights.open.get(key)
    if flight is None:
        return None
    if isinstance(flight, Attempts):
        flight.shared_with(question)
    return Shared(context, question, str(uuid4()), flight, context.flights)


def gate_and_breaker(context: SourceContext, question: Question, key: Key) -> Flight | Outcome[Record] | None:
    """Refuse what must not leave now, by the gate, the breaker or abandoned calls; answer it from memory if possible.

    Each abandoned call may hold a connection to the source, so they count like running ones.
    """
    if question.lost:
        return None
    barred = context.gate.shut(question.due_on, first=question.first)
    if barred is None and context.breaker.refusing:
        barred = context.refusal()
    if barred is None and len(context.left) >= context.settings.concurrency:
        barred = _STUCK
    # Who has an answer keeps it until the source can be asked; what is in memory may serve others meanwhile.
    stale = None if barred is None or question.anew else context.fresh.get(key, stale=True)
    return barred if barred is None or stale is None else Stale(context, question, str(uuid4()), stale, barred)


def own_call(context: SourceContext, question: Question, key: Key) -> Flight:
    """Ask the source, or end the call before it is sent if the question got lost too often."""
    if question.anew:
        context.fresh.drop(key)
    return (LeftOut if question.lost else Attempts)(key, context, question, str(uuid4()))


CHAIN: tuple[Policy, ...] = (in_time, late_answer, fresh_answer, single_flight, gate_and_breaker, own_call)

_MOST_AGAIN = 500
"""Limit of parked questions per second: two and a half claims of the dispatcher."""


class Guard:
    """Protects one source: what a question passes on its way stands in `CHAIN`.

    Attributes:
        context: what all its questions share; `ready` is False until its wire has started.
        gate: pauses, windows and quotas.
    """

    def __init__(self, bound: Bound, services: GuardServices) -> None:
        """The wire's creator starts and closes it."""
        self.context = SourceContext(bound, services)
        self.gate = self.context.gate

    def put(self, question: Question, tell: Tell) -> Callable[[], None]:
        """Ask the question, or answer it from the cache, before its deadline.

        The access log has a row for this appeal before `tell` is called, once, maybe before this returns. The returned
        callback withdraws the question, so that `tell` is not called any more.
        """
        context, lookup, tell_counted = self.context, question.lookup, partial(self._count, tell)
        # What is not idempotent, or is answered later, is each appeal's own: nothing to share, nothing to remember.
        key = (lookup.name, question.key) if lookup.idempotent and not context.wire.answers_async else None
        for policy in CHAIN:
            settled = policy(context, question, key)
            if isinstance(settled, Outcome):
                tell_counted(Ended(settled, context.now()))
                break
            if settled is not None:
                context.flights.launch(settled)
                return partial(context.flights.leave, context.flights.board(settled, question.deadline, tell_counted))
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
        return await Rereading(self.context, question, conversation).run()

    def defect(self, lookup: Lookup[Any, Record], error: BaseException) -> Outcome[Record]:
        """Log and count an error of a lookup before its question was asked, and return the outcome."""
        return self.context.defect(lookup, error)

    def recall(self, state: SourceState, lookups: Collection[str], present: Mapping[str, str]) -> None:
        """Restore what the last run knew of the source's replies.

        Data of lookups that are not loaded is kept, as a plugin may be broken at one start. `present` has current names
        by former ones.
        """
        usual: dict[str, Usual] = {}
        for name, learnt in state.usual.items():
            now = present.get(name, name)
            usual[now] = usual[now] + learnt if now in usual else learnt
        self.context.usual, self.context.absent = usual, usual.keys() - lookups

    def state(self) -> SourceState:
        """Return the source's current state. Outcomes are counted since the start, including shared and cached ones."""
        context = self.context
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
            usual={name: usual.snapshot() for name, usual in context.usual.items()},
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
        context = self.context
        waiting = len(context.slots) + (0 if context.bucket is None else len(context.bucket))
        if context.stopping or waiting or not context.ready or self.gate.shut_to_returning:
            return 0
        if context.breaker.state is not BreakerState.CLOSED:
            return 0
        pace = context.slots.pace
        settings = context.settings
        most = max(settings.concurrency, int(min(1 / pace, _MOST_AGAIN)) if pace else 0)
        return min(most, _MOST_AGAIN, max(1, int(settings.rate)) if settings.rate else most)

    async def drain(self, grace: float) -> None:
        """Refuse new questions, let running ones end for up to `grace` seconds, cancel the rest."""
        self.context.stopping = True
        await self.context.flights.drain(grace)
        if self.gate.settling:
            await asyncio.wait(self.gate.settling, timeout=grace)

    def _count(self, tell: Tell, ended: Ended) -> None:
        outcomes, kind = self.context.outcomes, ended.outcome.kind.value
        outcomes[kind] = outcomes.get(kind, 0) + 1
        tell(ended)


def _nothing() -> None:
    """Withdrawal of a question that has already ended."""
