"""What a question passes on its way to a source, in order.

`CHAIN` is what comes before a call. What it lets through makes its calls in `attempts`: for each it takes a slot, a
token of the rate, a place in the breaker and a call of the quota, writes the access row, and looks at the gate again.
That part is flat, since each of these is held while the next is awaited: objects around each other would cost every
call as many coroutines.
"""

from collections.abc import Callable
from typing import TypeAlias
from uuid import uuid4

from appealbus.core.guards.attempts import BUDGET_SPENT, STOPPING, Attempts
from appealbus.core.guards.cached_answers import Remembered, Shared, Stale
from appealbus.core.guards.context import SourceContext
from appealbus.core.guards.held_questions import AnswerReading, LeftOut
from appealbus.core.guards.question import Question
from appealbus.core.guards.single_flight import Flight
from appealbus.core.interfaces.outcomes import unavailable
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
