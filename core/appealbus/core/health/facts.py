"""The facts for health: the journal's contents and its disk, and a configuration without parts it needs."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from appealbus.core.clocks import day_of, wall
from appealbus.core.config.models import BusSettings, Configuration
from appealbus.core.domain.counts import Counts, DueSoon, ParkedFor, Warned
from appealbus.core.domain.pauses import Pause
from appealbus.core.domain.reread_pass import RereadPass
from appealbus.core.domain.source_state import SourceState
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.journal import feed, figures, replies, state, terms, waiting, workers
from appealbus.core.journal import pauses as journal_pauses
from appealbus.core.journal import workers as journal_workers
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.mark import JournalState
from appealbus.core.journal.workers import WorkerState
from appealbus.core.lazy_text import told


def asks_nobody(settings: Configuration, lookups: int | None) -> list[Finding]:
    """Return why no questions are asked. `lookups` as with `of_setting`; None: unknown."""
    if not settings.sources:
        says = told("none is configured: nothing is asked, and dossiers hold what appeals say alone")
        does = told("add [sources.NAME] to the configuration, or start the bus with the one that has them")
        return [Finding(Severity.WARNING, told("sources"), [says], does)]
    if lookups == 0:
        says = told("none asks a source that is configured, so dossiers hold what appeals say alone")
        does = told("`appealbus check` says why: a source has another name, or its plugin is not loaded")
        return [Finding(Severity.WARNING, told("lookups"), [says], does)]
    return []


async def of_setting(journal: Journal, settings: Configuration, lookups: int | None = None) -> list[Finding]:
    """Return missing parts of the whole configuration. `lookups` None: the number that workers recorded."""
    if lookups is None:
        known = await journal.ask(workers.known)
        lookups = sum(bool(lookup.lookup) for lookup in known) if known else None
    findings = asks_nobody(settings, lookups)
    if not settings.deliveries and not await journal.ask(feed.readers):
        says = told("none is configured, and no client has read the feed: nobody is handed dossiers")
        does = told("nothing, if people read them here; else add [deliveries.NAME], or a client that reads the feed")
        findings.append(Finding(Severity.INFO, told("receivers"), [says], does))
    return findings


OVERDUE_FOR = timedelta(days=30)
"""Time after its due date in which an incomplete appeal is still reported."""
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Disk:
    """In bytes."""

    folder: Path
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Facts:
    at: datetime
    """By the machine's clock."""
    counts: Counts
    workers: Sequence[WorkerState]
    standing: JournalState
    sources: Sequence[SourceState]
    """Over all live workers."""
    parked: Sequence[ParkedFor]
    due: DueSoon
    pauses: Mapping[str, Pause]
    bus: BusSettings
    receivers: frozenset[str]
    disk: Disk | None
    """None for a database server."""
    terms_until: Mapping[str, date] = field(default_factory=dict)
    """Last known day, by plugin terms, if limited."""
    rights_missing: str = ""
    """Addition to the policy that keeps present changes allowed; empty: nothing."""
    warned: Sequence[Warned] = ()
    """Warnings of the newest appeals."""
    rereads: Sequence[RereadPass] = ()
    setting: Sequence[Finding] = ()
    """Missing parts of the configuration."""


async def gather(
    journal: Journal, settings: Configuration, terms_until: Mapping[str, date] | None = None, rights_missing: str = ""
) -> Facts:
    """Read the facts. `terms_until`: last known day, by plugin terms; `rights_missing`: addition to the policy."""
    now = wall()
    return Facts(
        at=now,
        counts=await journal.ask(figures.counts),
        workers=await journal.ask(journal_workers.workers),
        standing=await journal.ask(state.how_it_stands),
        sources=await journal.ask(journal_workers.source_states),
        parked=await journal.ask(waiting.parked_for),
        due=await due_soon(journal, settings.bus),
        pauses=(await journal.ask(journal_pauses.news)).pauses,
        bus=settings.bus,
        receivers=frozenset(settings.deliveries),
        disk=disk_of(settings.bus.journal),
        terms_until=terms_until or {},
        rights_missing=rights_missing,
        warned=await journal.ask(figures.warned),
        rereads=await journal.ask(replies.passes),
        setting=await of_setting(journal, settings),
    )


async def due_soon(journal: Journal, bus: BusSettings) -> DueSoon:
    """Return incomplete appeals due in the configured days or recently; days follow the country's law."""
    today = day_of(wall())
    return await journal.ask(terms.due_soon, today - OVERDUE_FOR, today, today + timedelta(days=bus.due_within_days))


def disk_of(journal: str) -> Disk | None:
    """Return the disk of a journal's URL; None for a database server."""
    if not journal.startswith(_SQLITE):
        return None
    folder = Path(journal.removeprefix(_SQLITE)).absolute().parent
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None  # whoever opens the journal says so
    return Disk(folder, usage.free, usage.total)
