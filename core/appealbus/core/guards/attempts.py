"""One question's way to its source: access row, limits, breaker, call, and retries."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from appealbus.core.backoff import doubled, full_jitter
from appealbus.core.domain.access import Served
from appealbus.core.domain.case import KeptReplies, Try
from appealbus.core.domain.usual import Usual
from appealbus.core.guards.context import SourceContext
from appealbus.core.guards.conversation import NotingWire, pack
from appealbus.core.guards.defects import NotAnOutcome, checked, fitting
from appealbus.core.guards.gate import UNSURE
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.single_flight import REMEMBERED, Flight
from appealbus.core.interfaces.lookup import invalid, timed_out, unavailable
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Call, CallFailed, Wire
from appealbus.core.masking import masked
from appealbus.core.plugin_calls.boundary import is_defect, within
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record

SYSTEM_FAILURES = frozenset({OutcomeKind.UNAVAILABLE, OutcomeKind.TIMED_OUT})
BUDGET_SPENT = timed_out("budget.spent", "the case's time leaves no room for the question")
CLAIMS = frozenset({OutcomeKind.NOT_FOUND, OutcomeKind.REFUSED})
"""Final outcomes without a record to compare with the question."""
UNTIED = invalid("answer.untied", "the source answered, but nothing shows that it is this question's answer")
_FAIR = 0.75
"""The share of `guard.timeout` that a call must have had for its timeout to count against the source."""
CALL_TIMED_OUT = timed_out("guard.timeout", "the source did not answer in time")

STOPPING = unavailable("bus.stopping", "the bus is stopping; the question will be put again")
LEFT_OUT = unavailable("worker.died", "two workers died while this question was out; it is asked again later, alone")


class Attempts(Flight):
    """Asks the source until it answers, the attempts are used up or nobody waits.

    `so_far` is the outcome if the time were up now; `attempts` and `asked_at` count calls that have left.
    """

    def __init__(self, key: Hashable | None, context: SourceContext, question: Question, question_id: str) -> None:
        super().__init__(key)
        self.so_far: Outcome[Record] = BUDGET_SPENT
        self.attempts = 0
        self.asked_at: datetime | None = None
        self._context = context
        self.question = question
        self.due_on = question.due_on
        """Due date of the most urgent waiting appeal, for the share of the quota reserved for urgent ones."""
        self.first = question.first
        """Whether a waiting appeal has no version yet, for the share reserved for first versions."""
        self._question_id = question_id
        self._before: Source | None = None
        """Source of the last call, which knows the message ids so far."""
        self._provenance: Provenance | None = None
        self._written: bytes | None = None
        self._failed: CallFailed | None = None
        """Failure of the last call, if it failed."""
        self._spent: Outcome[Record] | None = None
        """Set if the quota did not allow a further request of the last call."""
        self._tries: list[Try] = []
        self._flying: tuple[str, datetime, float] | None = None
        """For the running call: the id of its first message, and when it left, on both clocks."""
        self._alone = not question.lookup.idempotent
        self._tied = True
        self._at_scale = False
        self._replies: KeptReplies | None = None

    def shared_with(self, question: Question) -> None:
        """Let another appeal wait for the answer, too."""
        self.first = self.first or question.first
        if question.due_on is not None:
            self.due_on = min(self.due_on or question.due_on, question.due_on)

    async def run(self) -> Ended:
        """Ask, and keep the answer while it is fresh."""
        while await self._attempt() and (self._goes_alone() or await self._pause()):
            pass
        ended = self.ended()
        if self.key is not None:
            self._context.fresh.put(self.key, ended)
        return ended

    def ended(self) -> Ended:
        """Return the result as if the time were up now."""
        tries, provenance, flying = tuple(self._tries), self._provenance, self._flying
        if flying is not None:
            tries, provenance = (*tries, self._try(flying, self.so_far)), self._trail(None, self.so_far.kind)
        question = self._question_id if tries else ""
        return Ended(
            self.so_far,
            self._context.now(),
            self.attempts,
            self.asked_at,
            provenance,
            question=question,
            tries=tries,
            replies=self._replies,
            written=None if self.so_far.record is None else self._written,
        )

    def unanswered(self) -> Ended:
        """Return the result for an asker whose time is up, or as the bus stops. An answer received by then counts."""
        ended = self.ended()
        again = self.question.lookup.idempotent or not ended.attempts
        if self._context.stopping and again and not self.expired and not ended.outcome.kind.final:
            return replace(ended, outcome=STOPPING)
        return ended

    def _try(self, flying: tuple[str, datetime, float], outcome: Outcome[Record]) -> Try:
        message, at, started = flying
        ms = round((self._context.monotonic() - started) * 1000)
        return Try(self._question_id, message, at, ms, outcome.kind, outcome.code)

    async def _attempt(self) -> bool:
        """Make one call; return whether to retry."""
        context = self._context
        # The token comes after the slot: a call leaves as soon as it has both, so the rate holds at the wire.
        slot = await context.slots.take(self.deadline)
        if slot is None:
            return self._too_late()
        try:
            if context.bucket is not None and not await context.bucket.take(self.deadline):
                return self._too_late()
            if context.monotonic() >= self.deadline:  # it took longer than the timer that should have ended it
                return False
            place = await context.breaker.enter()
            if place is None:
                if not self.attempts:
                    self.so_far = context.refusal()
                return False
            may_leave = False
            try:
                may_leave = await self._may_leave()
            finally:
                if not may_leave:
                    context.breaker.gave_up(place)
            if not may_leave:
                return False
            await self._call(place, min(context.settings.timeout, self.deadline - context.monotonic()))
            # Whoever gets the slot next is to know of a failure, in whatever worker it happened.
            await context.breaker.settled()
        finally:
            context.slots.give(slot)
        failed = self.so_far.kind in SYSTEM_FAILURES and self.attempts < context.settings.attempts
        return self.question.lookup.idempotent and (failed or (self.so_far is UNTIED and not self._alone))

    def _goes_alone(self) -> bool:
        """Whether to ask once more, at once, over a connection of its own, since nothing ties the answer to it."""
        again = self.so_far is UNTIED
        self._alone = self._alone or again
        return again

    def _too_late(self) -> bool:
        if not self.attempts:
            self.so_far = self._context.busy()
        return False

    def _held_back(self, refusal: Outcome[Record]) -> bool:
        """Record that no call may leave; the result of an earlier call stays."""
        if not self.attempts:
            self.so_far = refusal
        return False

    async def _may_leave(self) -> bool:
        """Write the access row once everything for a call is available; return whether it may leave."""
        context, due_on, first = self._context, self.due_on, self.first
        taken = context.gate.shut(due_on, first=first) or await context.gate.take(due_on, first=first)
        if isinstance(taken, Outcome):
            return self._held_back(taken)
        may_leave = written = False
        try:
            if not self.attempts:
                written = True
                refusal = await context.record(self.question, self._question_id, Served.SOURCE)
                if refusal is not None:
                    self.so_far, written = refusal, False
                    return False
                if pause := context.pause():
                    await asyncio.sleep(pause)
            if not await context.gate.sure():
                return self._held_back(UNSURE)
            # Meanwhile somebody may have paused it, and midnight may have passed.
            if (refusal := context.gate.stopped() or context.gate.late(taken)) is not None:
                return self._held_back(refusal)
            # Without the second one others may have the slot by now.
            may_leave = context.monotonic() < min(self.deadline, context.slots.until)
            return may_leave
        finally:
            if not may_leave and (written or taken.counted):
                question = self.question if written else None
                context.gate.settle(context.stays(question, self._question_id, taken))

    async def _pause(self) -> bool:
        """Wait before the next attempt, with full jitter; return whether there will be one."""
        settings = self._context.settings
        due = doubled(settings.backoff, settings.backoff_max, self.attempts - 1)
        pause = full_jitter(due) + (self.so_far.retry_after or 0)
        if self.so_far.not_before is not None:
            pause += max(0.0, (self.so_far.not_before - self._context.now()).total_seconds())
        # Nobody waits any more where a plugin swallowed the cancellation.
        if not self.seats or self._context.monotonic() + pause >= self.deadline:
            return False
        await asyncio.sleep(pause)
        return True

    async def _call(self, place: int, seconds: float) -> None:
        context = self._context
        started = context.monotonic()
        ids = () if self._before is None else self._before.call_context.message_ids
        call = Call(self._question_id, masked(self.question.number), seconds, alone=self._alone, message_ids=ids)
        noting = NotingWire(context.wire) if context.keep_replies else None
        source = self._before = self._source(call, noting or context.wire, self._another)
        self.attempts += 1
        at = context.now()
        self.asked_at = self.asked_at or at
        self._flying = flying = call.message_id, at, started
        self.so_far = CALL_TIMED_OUT
        called_off = None
        context.latency.left()
        context.in_flight += 1
        settle: Callable[[int], None] = context.breaker.gave_up
        try:
            reached = await self._ask(source)
            settle = self._verdict(seconds, reached=reached)
            if self.so_far.kind in CLAIMS and not self._tied:
                self.so_far = UNTIED
        except asyncio.CancelledError:
            if self.expired:
                settle = self._verdict(seconds, reached=False)
            else:
                called_off = STOPPING
            raise
        finally:
            source.close()
            self._tries.append(self._try(flying, called_off or self.so_far))
            self._flying = None
            if self.so_far.record is None:
                self._provenance = self._trail_of_none(source)
            context.in_flight -= 1
            context.latency.took(context.monotonic() - started)
            settle(place)
        if noting is not None:
            await self._keep(noting)

    async def _keep(self, noting: NotingWire) -> None:
        """Store the replies with the question: of several attempts those of the last one with a reply."""
        conversation = noting.conversation(self._question_id, self.asked_at or self._context.now())
        if conversation is not None:
            self._replies = await pack(conversation, self._context.source, self._context.keep_replies)
        elif noting.missed:
            self._replies = None
            self._context.not_kept(self.question.lookup.name)

    def _verdict(self, timeout: float, *, reached: bool) -> Callable[[int], None]:
        """Return the breaker callback for the outcome so far."""
        context, outcome = self._context, self.so_far
        if outcome is self._spent:  # it has answered so far
            return context.breaker.succeeded if reached else context.breaker.gave_up
        failed = outcome.kind in SYSTEM_FAILURES
        if failed or outcome.kind is OutcomeKind.INVALID:
            context.last_error, context.last_error_at = f"{outcome.code}: {outcome.reason}", context.now()
        # A call that the case's time has cut short says little: a source may take longer than the first delivery waits.
        if outcome.kind is OutcomeKind.TIMED_OUT and timeout < _FAIR * context.settings.timeout:
            return context.breaker.gave_up
        if self._at_scale:
            # One person's odd record must not close the way for others, however often it is asked for.
            return context.breaker.failed if context.broke_anew(self.question) else context.breaker.gave_up
        # An answer may be invalid for what all have in common; then it says for how long to leave the source alone.
        if failed or (outcome.kind is OutcomeKind.INVALID and outcome.retry_after):
            return partial(context.breaker.failed, rest=outcome.retry_after or 0.0)
        if reached:
            context.broken.clear()
        return context.breaker.succeeded if reached else context.breaker.gave_up

    async def _ask(self, source: Source) -> bool:
        """Let the lookup ask, and set the outcome; return whether the source is known to have answered."""
        lookup = self.question.lookup
        self._at_scale, self._failed, self._spent = False, None, None
        try:
            self.so_far = await self._outcome(source)
            self._tied = all(reply.correlated for reply in source.replies)
        except CallFailed as failed:
            self._failed = failed
            if self._spent is not None and failed.code == self._spent.code:
                self.so_far = self._spent
                return bool(source.replies)
            self._tied = failed.correlated and all(reply.correlated for reply in source.replies)
            self._at_scale = failed.at_scale and failed.kind is OutcomeKind.INVALID
            try:
                self.so_far, self._written = checked(self._of_fault(failed))
            except BaseException as error:  # found without a record, a pause that is no number, a defect of the lookup
                if not is_defect(error):
                    raise
                self.so_far = self._context.defect(lookup, error)
            return True
        except TimeoutError:
            self.so_far = CALL_TIMED_OUT
        except BaseException as error:
            if not is_defect(error):
                raise
            self.so_far = self._context.defect(lookup, error)
        finally:
            self._context.note(self.question, source.notes, self.so_far)
        return bool(source.replies)

    def _of_fault(self, failed: CallFailed) -> Outcome[Record]:
        """Return the outcome of a failed call: the lookup's, if it knows the source's fault, else the wire's."""
        for detail in failed.details:
            outcome = self.question.lookup.fault(detail, self.question.query)
            if outcome is not None:
                if not isinstance(outcome, Outcome) or outcome.record is not None:
                    raise NotAnOutcome
                return outcome
        return Outcome(failed.kind, None, failed.code, failed.reason, failed.retry_after)

    async def _another(self) -> None:
        """Count a further request of the same call. Raises CallFailed if the quota is used up."""
        taken = await self._context.gate.take(self.due_on, first=self.first)
        if isinstance(taken, Outcome):
            self._spent = taken
            raise CallFailed(taken.kind, taken.code, taken.reason)

    def _source(self, call: Call, wire: Wire, another: Callable[[], Awaitable[None]] | None = None) -> Source:
        context = self._context
        lenient = self.question.lookup.lenient
        source = Source(
            context.source, wire, call, context.plugin, lenient=lenient, use_once=context.use_once, another=another
        )
        source.notes.meaningless = (*self.question.lookup.meaningless, *context.passed_by())
        source.notes.usual = context.usual.get(self.question.lookup.name, Usual())
        return source

    async def _outcome(self, source: Source) -> Outcome[Record]:
        question = self.question
        outcome = await within(
            source.call_context.timeout,
            partial(question.lookup.ask, question.query, source),
            question.plugin,
            partial(self._context.leave_behind, question.lookup.name),
        )
        if not isinstance(outcome, Outcome):
            raise NotAnOutcome
        outcome, self._written = checked(outcome)
        if outcome.record is not None and self._written is not None:
            fitting(question.lookup, outcome.record, self._written)
            self._provenance = self._trail(source, outcome.kind)
        return outcome

    def _trail_of_none(self, source: Source) -> Provenance:
        failed = self._failed
        try:
            trail = self._trail(source, self.so_far.kind)
        except ValueError:  # what the other side calls its message is no text; there is no record that this could spoil
            trail = self._trail(None, self.so_far.kind)
        if source.replies or failed is None or failed.raw_sha256 is None:
            return trail
        return trail.model_copy(update={"raw_sha256": failed.raw_sha256, "observed_at": failed.observed_at})

    def _trail(self, source: Source | None, kind: OutcomeKind) -> Provenance:
        context, question, now = self._context, self.question, self._context.now()
        reply = source.replies[-1] if source is not None and source.replies else None
        kept = question.lookup.idempotent and kind in REMEMBERED
        fresh = timedelta(seconds=context.settings.fresh if kept else 0)
        return Provenance(
            source=context.source,
            connector=context.connector,
            plugin=question.plugin,
            plugin_version=question.plugin_version,
            purpose=question.lookup.purpose,
            legal_basis=question.legal_basis,
            question_id=self._question_id,
            message_id=reply.message_id if reply else None,
            session_id=reply.session_id if reply else None,
            raw_sha256=reply.raw_sha256 if reply else None,
            asked_at=self.asked_at or now,
            observed_at=reply.observed_at if reply else now,
            fresh_until=now + fresh if fresh else None,
            unreadable=None if source is None else sorted(source.notes.unreadable) or None,
            unknown=None if source is None else sorted(source.notes.unknown) or None,
            unchecked=None if source is None else sorted(source.notes.unchecked) or None,
        )
