"""What health is judged by: what the journal holds, and the disk that it lies on."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from appealbus.core.clocks import day_of, wall
from appealbus.core.config.models import BusSettings, Configuration
from appealbus.core.domain.counts import Counts, Warned
from appealbus.core.domain.pauses import Pause
from appealbus.core.domain.reread_pass import RereadPass
from appealbus.core.domain.source_state import SourceState
from appealbus.core.domain.waiting import DueSoon, ParkedFor
from appealbus.core.health.finding import Finding
from appealbus.core.health.setting import of_setting
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.mark import JournalState
from appealbus.core.journal.workers import WorkerState

OVERDUE_FOR = timedelta(days=30)
"""How long after its due date an appeal without its facts is still told of."""
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of an SQLite journal, in bytes."""

    folder: Path
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read at one moment."""

    at: datetime
    """By the machine's clock."""
    counts: Counts
    workers: Sequence[WorkerState]
    standing: JournalState
    sources: Sequence[SourceState]
    """How they stand over all workers alive."""
    parked: Sequence[ParkedFor]
    due: DueSoon
    pauses: Mapping[str, Pause]
    """By a person's order, by source."""
    bus: BusSettings
    receivers: frozenset[str]
    """Those that are configured."""
    disk: Disk | None
    """None where the journal lies in a database of its own."""
    terms_until: Mapping[str, date] = field(default_factory=dict)
    """By terms of plugins the last day that they can count to, where they have one."""
    rights_missing: str = ""
    """What to add to the policy so that changes may go on to come as they did; empty: nothing."""
    warned: Sequence[Warned] = ()
    """The newest appeals by the warnings that they have."""
    rereads: Sequence[RereadPass] = ()
    """How far the bus is with reading kept replies again, by source."""
    setting: Sequence[Finding] = ()
    """What the configuration lacks altogether."""


async def gather(
    journal: Journal, settings: Configuration, terms_until: Mapping[str, date] | None = None, rights_missing: str = ""
) -> Facts:
    """Read what health is judged by.

    Args:
        journal: the journal.
        settings: the configuration.
        terms_until: by terms of plugins the last day that they can count to.
        rights_missing: what to add to the policy.

    Raises:
        JournalError: the journal cannot be read.

    """
    now = wall()
    return Facts(
        at=now,
        counts=await journal.counts(),
        workers=await journal.workers(),
        standing=await journal.standing(),
        sources=await journal.source_states(),
        parked=await journal.parked_for(),
        due=await due_soon(journal, settings.bus),
        pauses=(await journal.source_news()).pauses,
        bus=settings.bus,
        receivers=frozenset(settings.deliveries),
        disk=disk_of(settings.bus.journal),
        terms_until=terms_until or {},
        rights_missing=rights_missing,
        warned=await journal.warned(),
        rereads=await journal.reread_passes(),
        setting=await of_setting(journal, settings),
    )


async def due_soon(journal: Journal, bus: BusSettings) -> DueSoon:
    """Return what falls due in the days that the settings name, or did lately, and lacks facts; days are the law's."""
    today = day_of(wall())
    return await journal.due_soon(today - OVERDUE_FOR, today, today + timedelta(days=bus.due_within_days))


def disk_of(journal: str) -> Disk | None:
    """Return the disk that a journal of this URL lies on; None where that is the database's affair."""
    if not journal.startswith(_SQLITE):
        return None
    folder = Path(journal.removeprefix(_SQLITE)).absolute().parent
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None  # whoever opens the journal says so
    return Disk(folder, usage.free, usage.total)
