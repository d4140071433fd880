"""Sources: how they stand over all workers, and pausing them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import structlog

from appealbus.core.domain.counts import ParkedFor
from appealbus.core.domain.pauses import Pause, Period, QuotaUse
from appealbus.core.domain.source_state import BreakerState, CertificateState, SourceState
from appealbus.core.domain.spans import spans
from appealbus.core.errors import JournalError
from appealbus.core.journal import pauses, waiting, workers
from appealbus.core.journal.figures import past_calls
from appealbus.core.journal.journal import Journal
from appealbus.core.management.outages import SourceSetup

__all__ = ["DECIDED", "LONGEST", "SourceStanding", "past_calls", "pause", "reports", "resume", "spans", "standings"]

log = structlog.get_logger(__name__)

LONGEST = timedelta(days=31)
"""Limit for forgotten pauses; a pause can be renewed."""
DECIDED = "source.decided"
"""Code of an order that lost against another person's."""


async def pause(
    journal: Journal, source: str, until: datetime, *, reason: str, by: str, seen: str | None = None
) -> Pause:
    """Stop questions to a source until a time by the journal's clock; on disk on return.

    `seen` is the mark of the pause to replace, empty for none; None: any. JournalError `source.decided` if the pause
    changed since.
    """
    order = Pause(source, journal.now(), until, reason, by)
    if not await journal.do(pauses.Pausing(order, seen=seen)):
        raise JournalError("somebody has paused or resumed the source meanwhile, and nothing is changed", DECIDED)
    # The reason is a person's text: it is kept in the journal, and never logged.
    log.warning("source.paused", source=source, actor=by)
    return order


async def resume(journal: Journal, source: str, *, reason: str, by: str) -> bool:
    """Resume a paused source; False if it was not paused."""
    done = await journal.do(pauses.Resuming(source, by=by, reason=reason))
    if done:
        log.warning("source.resumed", source=source, actor=by)
    return done


@dataclass(frozen=True)
class SourceStanding:
    """One source at one moment.

    Attributes:
        asked: its settings; None: it is no longer configured, or nobody said what is.
        state: last report of the workers, with the current pause; None: there is none yet.
        parked: questions that wait for it; None: there are none.
        used: calls that count towards the quotas of all sources.
        now: by the journal's clock.
        alive: whether a worker is alive; else `state` is how the source stood at last.
    """

    name: str
    asked: SourceSetup | None
    state: SourceState | None
    pause: Pause | None
    parked: ParkedFor | None
    used: Sequence[QuotaUse]
    now: datetime
    alive: bool = True

    @cached_property
    def closed_until(self) -> datetime | None:
        return None if self.asked is None else self.asked.closed_until(self.now)

    @cached_property
    def quotas(self) -> list[tuple[Period, int, int]]:
        return [] if self.asked is None else self.asked.quotas(self.used, self.now)

    @cached_property
    def word(self) -> str:
        """The worst applicable state; first come the states in which no call is made."""
        if self.pause is not None:
            return "paused"
        state = self.state if self.alive else None  # nobody asks the source, whatever its breaker was at last
        if state is not None and state.breaker == BreakerState.OPEN:
            return "open"
        if self.closed_until is not None:
            return "closed"
        if any(left <= 0 for _, left, _ in self.quotas):
            return "spent"
        if state is None:
            return "unknown"
        return "half_open" if state.breaker == BreakerState.HALF_OPEN else "answers"

    @property
    def failing_certificates(self) -> list[CertificateState]:
        certificates = () if self.state is None else self.state.certificates
        return [certificate for certificate in certificates if certificate.trouble(self.now)]

    @property
    def drift(self) -> int:
        """Number of reply paths that deviate from the declaration."""
        state = self.state
        return 0 if state is None else len(state.unread) + len(state.unreadable) + len(state.differences)


_WORST = ("open", "paused", "spent", "half_open", "closed", "unknown", "answers")


async def standings(
    journal: Journal,
    configured: Mapping[str, SourceSetup] | None = None,
    *,
    states: Iterable[SourceState] | None = None,
    parked: Iterable[ParkedFor] | None = None,
) -> list[SourceStanding]:
    """Return all known sources, those that need a person first. `states` and `parked` are read if not given.

    A person's order holds from its transaction on, also where no worker lives.
    """
    known, now = configured or {}, journal.now()
    news = await journal.ask(pauses.news)
    reported = {row.source: row for row in (await journal.ask(workers.source_states) if states is None else states)}
    waits = {row.source: row for row in (await journal.ask(waiting.parked_for) if parked is None else parked)}
    alive = await journal.ask(workers.last_heartbeat) is not None
    paused = {name: order for name, order in news.pauses.items() if order.until > now}
    rows = []
    for name in known.keys() | reported.keys() | waits.keys() | paused.keys():
        state, order = reported.get(name), paused.get(name)
        if state is not None:
            state = replace(state, paused_until=order.until if order else None)
        rows.append(SourceStanding(name, known.get(name), state, order, waits.get(name), news.used, now, alive))
    return sorted(rows, key=lambda row: (_WORST.index(row.word), row.name))


async def reports(journal: Journal) -> list[SourceState]:
    """Return what the workers last reported of each source, by name, each with a person's pause."""
    states = [standing.state for standing in await standings(journal, parked=()) if standing.state is not None]
    return sorted(states, key=lambda state: state.source)
