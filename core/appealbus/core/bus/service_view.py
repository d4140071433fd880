"""What services see of the bus: what they may do and what it counts, without its insides."""

import math
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import accumulate
from typing import Protocol

from appealbus.core.bus.counters import Tally
from appealbus.core.bus.delays import DelayTally
from appealbus.core.bus.readiness import Observed, checks
from appealbus.core.bus.relay import Relay
from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.clocks import wall
from appealbus.core.config.models import Configuration
from appealbus.core.domain.counts import Counts
from appealbus.core.domain.monitoring import Check, Figures, SourceCalls
from appealbus.core.domain.source_state import SourceState
from appealbus.core.domain.waiting import DueSoon
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.latency import BUCKETS
from appealbus.core.health.facts import due_soon
from appealbus.core.health.messages import fullness
from appealbus.core.interfaces.answer import Kept
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.interfaces.link import LinkState
from appealbus.core.worker import worker
from appealbus.schemas.dossier import Completeness

_MESSAGE_RESULTS = ("new", "repeated", "quarantined", "failed")
_DELIVERY_RESULTS = ("delivered", "failed", "alone")


class Watched(Observed, Protocol):
    """What of the bus is needed here: `Bus` has it."""

    settings: Configuration
    guards: dict[str, Guard]
    relays: list[Relay]
    watchdog: Watchdog
    messages: Tally
    answers: Tally
    dossiers: Counter[str]
    delays: dict[str, DelayTally]

    @property
    def in_flight(self) -> int:
        """How many appeals this process works on now."""

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take a message."""

    def links(self) -> list[LinkState]:
        """Say how all connections that stay open stand."""


class ServiceView:
    """The bus as a service is handed it: a `RunningBus`, whose methods are described there."""

    def __init__(self, bus: Watched) -> None:
        self._bus = bus
        self.journal = bus.journal
        self.accept = bus.accept
        self.links = bus.links
        self.works_on = bus.parts.host.counting.works_on
        self.shared = bus.parts.host.shared

    @property
    def journal_id(self) -> str:
        """What tells its journal from others."""
        return self.journal.identity

    @property
    def worker_number(self) -> int:
        """Which of several workers this process is."""
        member = worker()
        return 0 if member is None else member.number

    @property
    def draining(self) -> bool:
        """Whether the bus was told to stop."""
        return self._bus.draining

    def sources(self) -> list[SourceState]:
        """Say how each source stands."""
        return [guard.state() for guard in self._bus.guards.values()]

    def figures(self) -> Figures:
        """Count together what lies in many places."""
        bus, parts = self._bus, self._bus.parts
        messages = {(intake.name, result): 0 for intake in parts.intakes for result in _MESSAGE_RESULTS}
        answers = {(name, kept.value): 0 for name in bus.guards for kept in Kept}
        return Figures(
            in_flight=bus.in_flight,
            messages=messages | _counted(bus.messages),
            dossiers={each.value: bus.dossiers[each.value] for each in Completeness},
            delays={name: each.told() for name, each in bus.delays.items()},
            deliveries={(each.name, name): each.results[name] for each in bus.relays for name in _DELIVERY_RESULTS},
            answers=answers | _counted(bus.answers),
            calls={name: _calls(guard) for name, guard in bus.guards.items()},
            defects=dict.fromkeys(parts.names(), 0) | dict(parts.host.defects),
            stood_still={"": 0.0} | bus.watchdog.seconds,
            waiting_writes=bus.journal.waiting_writes,
            failed_writes=bus.journal.failed_writes,
            clock_in_doubt=bus.journal.doubt is not None,
            checkpoint_failed=bus.clock_watch.problem is not None,
        )

    def quarantine_fullness(self, counts: Counts) -> dict[str, float]:
        """Measure by the settings of the bus."""
        now = wall()
        return {name: fullness(each, self._bus.settings.bus, now) for name, each in counts.quarantined.items()}

    def waiting_fullness(self, counts: Counts) -> dict[str, float]:
        """Measure by the settings of the bus."""
        most = self._bus.settings.bus.waiting_changes
        return {name: count / most if most else 1.0 for name, count in counts.waiting_by_channel.items()}

    async def due_soon(self) -> DueSoon:
        """Ask the journal, by the settings of the bus."""
        return await due_soon(self.journal, self._bus.settings.bus)

    async def checks(self, probe: Callable[[], Awaitable[None]]) -> list[Check]:
        """Look at the bus, its journal and its connections."""
        return await checks(self._bus, probe)


def _counted(tally: Tally) -> dict[tuple[str, str], int]:
    return {(name, result): count for name, result, count in tally}


def _calls(guard: Guard) -> SourceCalls:
    counts = accumulate(guard.latency.histogram)
    return SourceCalls(tuple(zip((*BUCKETS, math.inf), counts, strict=True)), guard.latency.total, guard.left_behind)
