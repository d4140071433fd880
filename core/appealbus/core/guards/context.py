"""What guards are made from, and the state that all questions to one source share."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog

from appealbus.core import clocks
from appealbus.core.clocks import day_of
from appealbus.core.config.models import MeaninglessSettings
from appealbus.core.domain.access import AccessRow, AwaitedRow, Served
from appealbus.core.domain.pauses import QuotaCall
from appealbus.core.domain.source_state import MOST_BESIDE, BreakerState, CertificateState, Drift
from appealbus.core.domain.usual import Shares, Usual
from appealbus.core.guards.breaker import Breaker, SharedBreaker
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.defects import defect, line_of, of_wire
from appealbus.core.guards.gate import Gate, QuotaBook
from appealbus.core.guards.limits import Limits
from appealbus.core.guards.question import Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.single_flight import Freshness, SingleFlight
from appealbus.core.guards.slots import Latency, Slots
from appealbus.core.interfaces.lookup import Lookup, unavailable
from appealbus.core.interfaces.notes import MOST_OF_A_SOURCE, Notes
from appealbus.core.interfaces.source import UseOnce
from appealbus.core.interfaces.wire import Wire
from appealbus.core.masking import masked
from appealbus.core.plugin_calls.boundary import being_cancelled, is_defect
from appealbus.schemas.base import printable
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """A source with its wire."""

    name: str
    connector: str
    wire: Wire
    guard: GuardSettings
    plugin: str = ""
    """Name of the plugin that provides the wire."""
    keep_replies: float = 0.0
    """Seconds for which raw replies are kept; 0: not at all."""
    meaningless: Sequence[MeaninglessSettings] = ()
    """Elements of replies that are not needed."""


async def _nobody_waits(row: AwaitedRow) -> None:
    raise RuntimeError("this guard was made without a place for answers that come by themselves")


@dataclass(frozen=True, slots=True)
class GuardServices:
    """What the guards of all sources share."""

    access: Callable[[Sequence[AccessRow]], Awaitable[None]]
    """Writes access rows; they are durable when it returns."""
    on_change: Callable[[str, str], None]
    """Called with a source and its breaker's new state."""
    _: KW_ONLY
    await_answer: Callable[[AwaitedRow], Awaitable[None]] = _nobody_waits
    """Writes an access row for an asynchronous answer; for wires with `answers_async`."""
    use_once: UseOnce | None = None
    """Ensures that a signed answer counts once, over all workers; for wires that verify signatures."""
    limits: Limits | None = None
    """Limits shared with other workers; None: they belong to this process."""
    quota: QuotaBook | None = None
    """Counts the quota calls; None: they are not counted."""
    first_share: float = 0.25
    """Share of the quotas reserved for first versions."""
    defects: Counter[str] = field(default_factory=Counter)
    now: Callable[[], datetime] = clocks.wall
    due: Callable[[], datetime] | None = None
    """The journal's clock, for pauses and quotas; None: the wall clock."""
    monotonic: Callable[[], float] = clocks.monotonic
    """The clock of `Question.deadline`."""


_MOST_BROKEN = 1000
"""Far more than open any breaker."""
_DRIFTS = timedelta(hours=1)
"""A drift ends after this long without another such reply."""
_MOST_KINDS = 16
"""Combinations of present inputs, for each lookup, with shares of their own."""
_SOONEST = 1.0
"""Shortest delay in seconds before a case is retried for one question: a retry costs two transactions."""
_LATEST = 300.0
"""Longest delay in seconds, so that a source that is fast again gets used."""


@lru_cache(maxsize=256)
def optional_fields(kind: type[Record]) -> tuple[str, ...]:
    return tuple(name for name, info in kind.model_fields.items() if name != "type" and not info.is_required())


class SourceContext:
    """A source's wire with its limits, caches and counters, made from its settings.

    Attributes:
        ready: False until its wire has started; nothing can leave before.
        stopping: whether the bus stops, so that no more questions are asked.
        notes: from reading all its replies.
        drifts: deviations of replies that could not be read, by lookup and field; may include past ones.
        usual: the usual content of its replies, by lookup.
        absent: lookups in `usual` that are not loaded.
        left: tasks of lookups that keep running after their timeout and cancellation.
        left_behind: total number of such tasks.
        leaves: when the calls so far would have left, one at a time.
        booked: the latest turn given to a postponed question.
    """

    def __init__(self, bound: Bound, services: GuardServices) -> None:
        self.source, self.connector, self.wire, self.plugin = bound.name, bound.connector, bound.wire, bound.plugin
        self.keep_replies, self.meaningless = bound.keep_replies, bound.meaningless
        self.access, self.await_answer, self.use_once = services.access, services.await_answer, services.use_once
        self.on_change, self.defects = services.on_change, services.defects
        self.now, self.monotonic = services.now, services.monotonic
        self.settings = settings = bound.guard
        clock = services.monotonic
        self.flights = SingleFlight(clock=clock)
        self.fresh = Freshness(settings.fresh, settings.fresh_entries, clock=clock, stale=settings.stale)
        self.gate = Gate(
            bound.name,
            settings,
            now=services.due or services.now,
            monotonic=clock,
            book=services.quota,
            first_share=services.first_share,
        )
        self.slots = Slots(settings.concurrency, clock=clock)
        self.bucket = Bucket(settings.rate, settings.burst, clock=clock) if settings.rate else None
        kind = Breaker if services.limits is None else SharedBreaker
        self.breaker = kind(settings.breaker_failures, settings.breaker_open, clock=clock, on_change=self._changed)
        if services.limits is not None and isinstance(self.breaker, SharedBreaker):
            services.limits.add(bound.name, settings, self.slots, self.bucket, self.breaker)
        self.latency = Latency(clock=clock)
        self.ready, self.stopping = True, False
        self.in_flight = self.left_behind = 0
        self.leaves = self.booked = 0.0
        self.last_error: str | None = None
        self.last_error_at: datetime | None = None
        self.outcomes: dict[str, int] = {}
        self.notes = Notes()
        self.drifts: dict[str, Drift] = {}
        self.usual: dict[str, Usual] = {}
        self.absent: Set[str] = frozenset()
        self.broken: set[tuple[str, str]] = set()
        self.left: set[asyncio.Task[Any]] = set()
        self.told: set[tuple[str, str]] = set()

    def certificates(self) -> tuple[CertificateState, ...]:
        """Return the wire's certificates without owners, who may be persons. Empty if its plugin raises."""
        try:
            certificates = [*self.wire.certificates()]
            return tuple(
                replace(
                    certificate,
                    name=masked(printable(certificate.name)),
                    purpose=printable(certificate.purpose),
                    subject="",
                )
                for certificate in certificates
            )
        except BaseException as error:
            if not is_defect(error):
                raise
            self.defects[f"source.{self.source}"] += 1
            return ()

    def note(self, question: Question, notes: Notes, outcome: Outcome[Record]) -> None:
        """Add the notes from reading a reply."""
        self.notes.add(notes)
        lookup = question.lookup
        if notes.unknown or notes.causes:
            now, causes = self.now(), tuple(sorted(notes.causes))[:MOST_BESIDE]
            self.drifts = {name: drift for name, drift in self.drifts.items() if now - drift.last_at < _DRIFTS}
            for field_name in sorted(notes.unknown) or [""]:
                name = f"{lookup.name}/{field_name}".removesuffix("/")
                if name in self.drifts:
                    self.drifts[name] += Drift(1, now, now, beside=causes)
                elif len(self.drifts) < MOST_OF_A_SOURCE:
                    self.drifts[name] = Drift(1, now, now, line_of(lookup, field_name), causes)
        if outcome.record is not None or outcome.kind is OutcomeKind.NOT_FOUND:
            self.usual.setdefault(lookup.name, Usual()).learn(notes.beside)
        if outcome.record is not None:
            kind = ",".join(name for name, value in question.query if value is not None)
            known = self.usual[lookup.name].shares
            if kind in known or len(known) < _MOST_KINDS:
                fields = optional_fields(type(outcome.record))
                present = [name for name in fields if getattr(outcome.record, name)]
                shares = known.setdefault(kind, Shares())
                shares.count(present, fields, self.now())
                for name, fell in shares.fell.items():
                    fell.at = fell.at or line_of(lookup, name)

    def passed_by(self) -> list[str]:
        """Return path endings of the elements that operators have declared meaningless."""
        return [
            element.path for element in self.meaningless if not element.until or day_of(self.now()) <= element.until
        ]

    def drifting(self) -> dict[str, Drift]:
        """Return the current deviations of its replies."""
        now = self.now()
        drifts = {name: drift for name, drift in self.drifts.items() if now - drift.last_at < _DRIFTS}
        for lookup, usual in self.usual.items():
            for shares in usual.shares.values() if lookup not in self.absent else ():
                for name, fell in shares.fell.items():
                    drift = Drift(fell.replies, fell.since, now, fell.at, (), (fell.was, fell.now))
                    drifts.setdefault(f"{lookup}/{name}", drift)
        return drifts

    def leave_behind(self, lookup: str, task: asyncio.Task[Any]) -> None:
        """Stop waiting for a lookup that does not end; log it once for each lookup."""
        self.left.add(task)
        self.left_behind += 1
        task.add_done_callback(self.left.discard)
        if (lookup, "left") not in self.told:
            self.told.add((lookup, "left"))
            log.error("lookup.left_behind", lookup=lookup, source=self.source)

    def not_kept(self, lookup: str) -> None:
        """Log once for each lookup that its replies cannot be kept."""
        if (lookup, "replies") not in self.told:
            self.told.add((lookup, "replies"))
            log.warning("reply.not_kept", lookup=lookup, source=self.source)

    def defect(self, lookup: Lookup[Any, Record], error: BaseException) -> Outcome[Record]:
        """Log and count an error raised by the lookup or its wire, and return the outcome."""
        self.defects[f"source.{self.source}" if of_wire(error) else f"lookup.{lookup.name}"] += 1
        return defect(lookup, error, self.wire)

    def refusal(self) -> Outcome[Record]:
        """Return the outcome of a question refused by the breaker."""
        reason = "the source has failed repeatedly and is left alone for a while"
        return unavailable("breaker.open", reason, self.breaker.probes_in)

    def broke_anew(self, question: Question) -> bool:
        """Record that a reply was broken on a large scale; return whether it is the first since a good one."""
        key = (question.lookup.name, question.key)
        if key in self.broken:
            return False
        if len(self.broken) >= _MOST_BROKEN:
            self.broken.clear()
        self.broken.add(key)
        return True

    def busy(self) -> Outcome[Record]:
        """Return the outcome of a question that cannot leave in time, with a turn of its own for a retry."""
        now, slots = self.monotonic(), self.slots
        pace = max(slots.pace, 1 / self.settings.rate if self.settings.rate else 0.0)
        self.booked = max(self.booked, now + len(slots) * pace) + pace
        turn = self.booked - now
        if turn > _LATEST:
            self.booked = now + _LATEST
            turn = _LATEST * random.uniform(0.5, 1.0)  # noqa: S311
        reason = "more questions wait for the source than it takes in time; this one is put when its turn comes"
        return unavailable("source.busy", reason, max(_SOONEST, turn))

    def pause(self) -> float:
        """Return a delay for a call that is ready: after the journal stood still, many are ready at once."""
        settings, now = self.settings, self.monotonic()
        if not settings.rate:
            return 0.0
        self.leaves = max(self.leaves, now) + 1 / settings.rate
        return max(0.0, self.leaves - now - settings.burst / settings.rate)

    async def record(self, question: Question, question_id: str, served: Served) -> Outcome[Record] | None:
        """Write the access row; return None once it is durable, else the outcome that ends the question."""
        lookup = question.lookup
        try:
            subject = question.query.subject()
            if not isinstance(subject, str):
                raise TypeError("a subject is a text")
            row = AccessRow(
                question_id=question_id,
                at=self.now(),
                actor=question.actor,
                subject=subject,
                source=self.source,
                lookup=lookup.name,
                number=question.number,
                purpose=lookup.purpose,
                legal_basis=question.legal_basis,
                served=served,
                appeal_id=question.appeal_id,
            )
        except BaseException as error:  # `subject` may be the plugin's own
            if not is_defect(error):
                raise
            return self.defect(lookup, error)
        try:
            if served is Served.SOURCE and question.leaving is not None and not await question.leaving():
                return unavailable("lease.lost", "another worker has the appeal, so nothing was asked")
            if self.wire.answers_async and served is not Served.NOTHING:
                # The answer may overtake everything else that is written of this question.
                await self.await_answer(AwaitedRow(row, question.appeal_id, question.key))
            else:
                await self.access((row,))
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            return self._unrecorded(error)
        except Exception as error:
            return self._unrecorded(error)
        return None

    async def stays(self, question: Question | None, question_id: str, call: QuotaCall) -> None:
        """Return the quota of a call that does not leave; note it in the access log if there is a row."""
        await self.gate.give_back(call)
        if question is not None:
            await self.record(question, question_id, Served.NOTHING)

    def _changed(self, state: BreakerState) -> None:
        log.warning("source.changed", source=self.source, state=state.value)
        try:
            self.on_change(self.source, state.value)
        except BaseException as error:
            if not is_defect(error):
                raise
            log.error("source.change_not_told", source=self.source, error=type(error).__name__)

    def _unrecorded(self, error: BaseException) -> Outcome[Record]:
        log.error("access_log.failed", source=self.source, error=type(error).__name__)
        return unavailable("access_log.failed", "the access log could not be written, so nothing was asked")
