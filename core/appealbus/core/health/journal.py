"""Checks of the journal: its clock, log positions, disk."""

from collections.abc import Iterator
from datetime import timedelta

from appealbus.core.health.facts import Disk, Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.journal.clock import in_doubt
from appealbus.core.journal.mark import JournalState
from appealbus.core.lazy_text import told

_UNPLACED = timedelta(minutes=2)
"""As in the alert `AppealbusLogBehind`."""
_LITTLE, _NOTHING = 0.10, 0.02
"""Free fractions of a disk; below the second a burst of appeals fills it within minutes."""
_GIB = 2**30


def of_clock(standing: JournalState) -> Finding | None:
    if standing.doubt is None:
        return None
    says = told("in doubt, nothing is deleted or given up: {why}", why=in_doubt(standing))
    does = told("look at the clocks of the machines and at NTP; once they are right: `appealbus clock accept`")
    return Finding(Severity.WARNING, told("clock"), [says], does)


def of_disk(disk: Disk) -> Finding | None:
    part = disk.free / disk.total if disk.total else 1.0
    if part >= _LITTLE or disk.free >= 20 * _GIB:
        return None
    size, part_ = f"{disk.free / _GIB:.1f}", f"{part:.0%}"
    says = told("{size} GiB are left, {part} of the disk of {folder}", size=size, part=part_, folder=str(disk.folder))
    does = told("make room, or shorten bus.retention and run `appealbus prune`; a full disk refuses new appeals")
    return Finding(Severity.CRITICAL if part < _NOTHING else Severity.WARNING, told("disk"), [says], does)


def of_journal(facts: Facts) -> Iterator[Finding]:
    clock = of_clock(facts.standing)
    if clock is not None:
        yield clock
    oldest = facts.counts.oldest_unplaced
    if oldest is not None and facts.at - oldest > _UNPLACED:
        minutes = (facts.at - oldest) // timedelta(minutes=1)
        says = told(
            "{n} entry has no position, the oldest for {minutes} min",
            "{n} entries have no position, the oldest for {minutes} min",
            n=facts.counts.log_unplaced,
            minutes=minutes,
        )
        does = told("look for log.placing_failed in the logs of the workers; nothing is lost, readers get them later")
        yield Finding(Severity.WARNING, told("log"), [says], does)
    if facts.disk is not None and (full := of_disk(facts.disk)) is not None:
        yield full
