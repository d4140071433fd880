"""Readiness checks: whether a running bus can do its work, in words without secrets."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from appealbus.core.bus.clock_watch import ClockWatch
from appealbus.core.domain.counts import Check
from appealbus.core.errors import JournalError
from appealbus.core.health.finding import Finding
from appealbus.core.health.journal import of_clock
from appealbus.core.health.links import of_link
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import Parts


class Observed(Protocol):
    """The part of `Bus` that is checked."""

    parts: Parts
    clock_watch: ClockWatch

    @property
    def journal(self) -> Journal:
        """The bus's journal."""

    @property
    def draining(self) -> bool:
        """Whether it is stopping."""

    def links_of(self, name: str, links: Callable[[], Iterable[LinkState]]) -> list[LinkState]:
        """Return the connection states of one part."""


async def checks(bus: Observed, probe: Callable[[], Awaitable[None]]) -> list[Check]:
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


def _clock(bus: Observed) -> list[Check]:
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
