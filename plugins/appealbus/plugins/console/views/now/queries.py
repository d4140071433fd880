"""Data of the picture, read once for all viewers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from appealbus.core import LinkState, LinkStatus
from appealbus.core.management import health as journal_health
from appealbus.core.management import operations as journal_operations
from appealbus.core.management.health import OVERDUE_FOR, Facts, Finding, Pace, Severity
from appealbus.core.management.sources import SourceStanding, standings
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.views.deliveries.queries import receiver_path
from appealbus.plugins.console.views.workers.links import links_of, queues_of
from appealbus.plugins.monitor.shared_result import SharedResult

_FRESH, _PATIENCE = 1.0, 10.0
"""Seconds for which a reading serves all, and for which a viewer waits for it."""


@dataclass(frozen=True, slots=True)
class Now:
    at: datetime
    facts: Facts
    findings: Sequence[Finding]
    pace: Pace
    sources: Sequence[SourceStanding]
    links: Sequence[LinkState]
    """Links of live workers, faulty ones first."""
    queues: Sequence[tuple[str, int]]
    """Messages by broker queue."""
    operations: int = 0
    """Number of unfinished operations."""

    @property
    def worst(self) -> Severity | None:
        """The worst severity; None without findings."""
        return self.findings[0].severity if self.findings else None

    @property
    def for_people(self) -> int:
        return sum(finding.severity is not Severity.INFO for finding in self.findings)

    @property
    def pending(self) -> int:
        return self.facts.counts.ready + self.facts.counts.suspect

    @property
    def links_of_channels(self) -> Sequence[LinkState]:
        """Links of channels, and all faulty links."""
        return [
            link
            for link in self.links
            if link.name.startswith("intake.") or link.status is not LinkStatus.UP or link.warning
        ]

    def due_query(self) -> str:
        """Filters of incomplete appeals that fall due soon or recently did."""
        until = self.facts.due.until
        since = until - timedelta(days=self.facts.bus.due_within_days) - OVERDUE_FOR
        return urlencode(
            {"completeness": "partial,settled", "due_from": since, "due_before": until + timedelta(days=1)}
        )

    def where(self, finding: Finding, views: Collection[str]) -> str:
        """Return the page with exactly the subject of a finding; empty if there is none."""
        kind, _, name = finding.about.partition(" ")
        known = quote(name, safe="") if any(source.name == name for source in self.sources) else ""
        pages = {
            "workers": ("workers", "/workers"),
            "link": ("workers", "/workers"),
            "quarantine": ("quarantine", f"/quarantine?{urlencode({'channel': name})}" if name else "/quarantine"),
            "channel": ("quarantine", f"/quarantine/warned?{urlencode({'channel': name})}"),
            "source": ("sources", f"/sources/{known}" if known else "/sources"),
            "receiver": ("deliveries", receiver_path(name)),
            "client": ("deliveries", "/deliveries"),
            "receivers": ("deliveries", "/deliveries"),
            "sources": ("configuration", "/configuration"),
            "lookups": ("configuration", "/configuration"),
            "held": ("appeals", "/appeals?state=held"),
            "suspect": ("appeals", "/appeals?state=suspect"),
            "lookup": ("appeals", "/appeals?lacking=1"),
            "assessor": ("appeals", "/appeals?unassessed=1"),
            "dates": ("appeals", "/appeals?misdated=1"),
            "due dates": ("appeals", f"/appeals?{self.due_query()}"),
            "terms": ("configuration", "/configuration"),
        }
        view, path = pages.get(finding.about) or pages.get(kind, ("", ""))
        return path if view in views else ""


class Watch:
    """Reads the journal for all viewers, at most once a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.drawn_for: Now | None = None
        self.drawn: dict[Any, str] = {}
        """Pictures of the current reading, by the rights that change them."""
        self._shared = SharedResult(self._look, fresh=_FRESH, patience=_PATIENCE)

    async def now(self) -> Now:
        """Return the current reading; raise TimeoutError or JournalError if the journal is slow or unreadable."""
        return await self._shared.get()

    async def _look(self) -> Now:
        journal = self._console.api.journal
        health = await self._console.api.health()
        facts = health.facts
        pace, at = await journal.ask(journal_health.pace), journal.now()
        links = [link for _, link in links_of(facts.workers)]
        known = await self._console.sources()
        sources = await standings(journal, known, states=facts.sources, parked=facts.parked)
        return Now(
            at,
            facts,
            health.findings,
            pace,
            sources,
            links,
            queues_of(links),
            len(await journal.ask(journal_operations.under_way)),
        )
