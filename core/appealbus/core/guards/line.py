"""What all the questions to one source share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from appealbus.core.guards.breaker import Breaker
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.defects import being_cancelled, defect
from appealbus.core.guards.freshness import Freshness
from appealbus.core.guards.latency import Latency
from appealbus.core.guards.question import Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.slots import Slots
from appealbus.core.interfaces.outcomes import unavailable
from appealbus.core.interfaces.wire import Wire
from appealbus.core.journal.rows import AccessRow, AwaitedRow, Served
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

log = structlog.get_logger(__name__)

_MOST_BROKEN = 1000
"""Far more than open any breaker."""


@dataclass(slots=True)
class Line:
    """A source's wire with its limits, its memory and its counts."""

    source: str
    connector: str
    wire: Wire
    settings: GuardSettings
    access: Callable[[Sequence[AccessRow]], Awaitable[None]]
    await_answer: Callable[[AwaitedRow], Awaitable[None]]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    breaker: Breaker
    bucket: Bucket | None
    slots: Slots
    fresh: Freshness
    latency: Latency
    in_flight: int = 0
    last_error: str | None = None
    last_error_at: datetime | None = None
    outcomes: dict[str, int] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)

    def refusal(self) -> Outcome[Record]:
        """Return the outcome of a question that the breaker refuses."""
        reason = "the source has failed repeatedly and is left alone for a while"
        return unavailable("breaker.open", reason, self.breaker.probes_in)

    def broke_anew(self, question: Question) -> bool:
        """Note that the reply to a question was broken at scale; say whether it is the first such since a good one."""
        key = (question.lookup.name, question.key)
        if key in self.broken:
            return False
        if len(self.broken) >= _MOST_BROKEN:
            self.broken.clear()
        self.broken.add(key)
        return True

    async def record(self, question: Question, question_id: str, served: Served) -> Outcome[Record] | None:
        """Write the access row; return None once it is durable, else the outcome that ends the question."""
        lookup = question.lookup
        try:
            row = AccessRow(
                question_id=question_id,
                at=self.now(),
                actor=question.actor,
                subject=question.query.subject(),
                source=self.source,
                lookup=lookup.name,
                number=question.number,
                purpose=lookup.purpose,
                legal_basis=question.legal_basis,
                served=served,
            )
        except Exception as error:  # `subject` may be the plugin's own
            return defect(lookup, error)
        try:
            if self.wire.answers_later:
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

    def _unrecorded(self, error: BaseException) -> Outcome[Record]:
        log.error("access_log.failed", source=self.source, error=type(error).__name__)
        return unavailable("access_log.failed", "the access log could not be written, so nothing was asked")
