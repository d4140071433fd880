"""The view of the bus for services: their operations, its figures, and whether it can do its work."""

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from itertools import accumulate
from typing import Protocol

from appealbus.core.bus.clock_watch import ClockWatch
from appealbus.core.bus.counters import DelayTally, Tally
from appealbus.core.bus.delivery.relay import Relay
from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.clocks import wall
from appealbus.core.config.models import Configuration
from appealbus.core.domain.counts import Check, Counts, DueSoon, Figures, SourceCalls
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import JournalError
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.slots import BUCKETS
from appealbus.core.health.facts import due_soon
from appealbus.core.health.finding import Finding
from appealbus.core.health.infrastructure import of_clock, of_link
from appealbus.core.health.messages import fullness
from appealbus.core.interfaces.answer import Kept
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.view import PublicJournal
from appealbus.core.loading.parts import Parts
from appealbus.core.process.worker import worker
from appealbus.schemas.dossier import Completeness


class Watched(Protocol):
    """The part of `Bus` that is needed here."""

    settings: Configuration
    parts: Parts
    clock_watch: ClockWatch
    guards: dict[str, Guard]
    relays: list[Relay]
    watchdog: Watchdog
    messages: Tally
    answers: Tally
    dossiers: Counter[str]
    delays: dict[str, DelayTally]

    @property
    def journal(self) -> Journal:
        """The bus's journal."""

    @property
    def draining(self) -> bool:
        """Whether it is stopping."""

    @property
    def in_flight(self) -> int:
        """Number of appeals in work in this process."""

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Accept a message."""

    def links(self) -> list[LinkState]:
        """Return the states of all persistent connections."""

    def links_of(self, name: str, links: Callable[[], Iterable[LinkState]]) -> list[LinkState]:
        """Return the connection states of one part."""


async def checks(bus: Watched, probe: Callable[[], Awaitable[None]]) -> list[Check]:
    """Check the bus, its journal and its connections. Sources do not count, since agencies come and go.

    `probe` writes to the journal and returns once that is on disk; it may raise JournalError or TimeoutError.
    """
    results = [Check("bus", not bus.draining, True, "it drains and takes nothing more" if bus.draining else "it works")]
    results.append(await _journal(probe))
    results += _clock(bus)
    parts = bus.parts
    needed = _by_name(link for intake in parts.intakes for link in bus.links_of(f"intake.{intake.name}", intake.links))
    if parts.work is not None:
        needed |= _by_name(bus.links_of("work_queue", parts.work.links))
    out = [bus.links_of(f"delivery.{name}", delivery.links) for name, delivery in parts.deliveries.items()]
    ways_out = _by_name(link for links in out for link in links)
    results += [_link(link, True) for link in needed.values()]
    return results + [_link(link, False) for name, link in ways_out.items() if name not in needed]


def _clock(bus: Watched) -> list[Check]:
    doubt, problem = bus.journal.doubt, bus.clock_watch.problem
    doubted = None if doubt is None else of_clock(doubt)
    checked = [_check("clock", False, doubted, "it is steady")]
    return checked if problem is None else [*checked, Check("checkpoint", False, False, problem)]


async def _journal(probe: Callable[[], Awaitable[None]]) -> Check:
    try:
        await probe()
    except TimeoutError:
        return Check("journal", False, True, "the journal does not answer in time")
    except JournalError as error:
        return Check("journal", False, True, str(error))
    return Check("journal", True, True, "it can be written")


def _by_name(links: Iterable[LinkState]) -> dict[str, LinkState]:
    return {link.name: link for link in links}


def _link(link: LinkState, needed: bool) -> Check:
    finding, well = of_link(link), f"{link.status.value}: {link.detail}" if link.detail else link.status.value
    # Blocked is back-pressure: the other side is there and will go on by itself.
    there = link.status in (LinkStatus.UP, LinkStatus.BLOCKED)
    if there and not link.warning:
        return Check(link.name, True, needed, well)
    return _check(link.name, needed and not there, finding, well)


def _check(name: str, needed: bool, found: Finding | None, well: str) -> Check:
    """Words as in `appealbus health`."""
    return Check(name, found is None, needed, well) if found is None else Check(name, False, needed, *found.told)


_MESSAGE_RESULTS = ("new", "repeated", "quarantined", "failed")
_DELIVERY_RESULTS = ("delivered", "failed", "alone")


class ServiceView:
    """The `RunningBus` handed to services; its methods are documented there."""

    def __init__(self, bus: Watched) -> None:
        self._bus = bus
        self.journal = PublicJournal(bus.journal)
        self.accept = bus.accept
        self.links = bus.links
        self.works_on = bus.parts.host.counting.works_on
        self.shared = bus.parts.host.shared

    @property
    def journal_id(self) -> str:
        return self._bus.journal.identity

    @property
    def worker_number(self) -> int:
        member = worker()
        return 0 if member is None else member.number

    @property
    def draining(self) -> bool:
        return self._bus.draining

    def sources(self) -> list[SourceState]:
        return [guard.state() for guard in self._bus.guards.values()]

    def figures(self) -> Figures:
        bus, parts = self._bus, self._bus.parts
        messages = {(intake.name, result): 0 for intake in parts.intakes for result in _MESSAGE_RESULTS}
        answers = {(name, kept.value): 0 for name in bus.guards for kept in Kept}
        return Figures(
            in_flight=bus.in_flight,
            messages=messages | _counted(bus.messages),
            dossiers={completeness.value: bus.dossiers[completeness.value] for completeness in Completeness},
            delays={name: tally.told() for name, tally in bus.delays.items()},
            deliveries={(relay.name, name): relay.results[name] for relay in bus.relays for name in _DELIVERY_RESULTS},
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
        now = wall()
        return {name: fullness(held, self._bus.settings.bus, now) for name, held in counts.quarantined.items()}

    def waiting_fullness(self, counts: Counts) -> dict[str, float]:
        most = self._bus.settings.bus.waiting_changes
        return {name: count / most if most else 1.0 for name, count in counts.waiting_by_channel.items()}

    async def due_soon(self) -> DueSoon:
        return await due_soon(self._bus.journal, self._bus.settings.bus)

    async def checks(self, probe: Callable[[], Awaitable[None]]) -> list[Check]:
        return await checks(self._bus, probe)


def _counted(tally: Tally) -> dict[tuple[str, str], int]:
    return {(name, result): count for name, result, count in tally}


def _calls(guard: Guard) -> SourceCalls:
    counts = accumulate(guard.context.latency.histogram)
    return SourceCalls(
        tuple(zip((*BUCKETS, math.inf), counts, strict=True)), guard.context.latency.total, guard.context.left_behind
    )
