"""Checks of what the bus stands on: the journal with its clock and disk, connections, certificates."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from appealbus.core.domain.source_state import CertificateState
from appealbus.core.health.facts import Disk, Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal.clock import in_doubt
from appealbus.core.journal.mark import JournalState
from appealbus.core.lazy_text import LazyText, told

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


_TODO = {
    LinkStatus.DOWN: told("see whether the broker runs and can be reached; the bus connects again by itself"),
    LinkStatus.CONNECTING: told("see whether the broker runs and can be reached; the bus connects again by itself"),
    LinkStatus.REFUSED: told("mend the password, the virtual host, the right or the missing queue"),
    LinkStatus.BLOCKED: told("make room for the broker: memory or disk; nothing is lost meanwhile"),
}
_TOPOLOGY = told(
    "`appealbus topology check` says what; then `apply`, or what it advises; a receiver binds its own queue"
)


def of_link(link: LinkState, who: str = "") -> Finding | None:
    """Return a connection's problem, if any; `who` names the worker if that is not obvious."""
    about = told("link {name} of worker {worker}", name=link.name, worker=who) if who else _link(link)
    detail = told(link.detail)
    if link.status is LinkStatus.UP:
        return Finding(Severity.WARNING, about, [detail], _TOPOLOGY) if link.warning else None
    # What is blocked is there, and goes on by itself; what connects may have begun a moment ago.
    mild = link.status in (LinkStatus.BLOCKED, LinkStatus.CONNECTING)
    says = told("{status}: {detail}", status=link.status, detail=detail) if link.detail else _status(link)
    todo = told("see `{event}` in the log, and mend what it names", event=link.event) if link.event else None
    return Finding(Severity.WARNING if mild else Severity.CRITICAL, about, [says], todo or _TODO[link.status])


def _link(link: LinkState) -> LazyText:
    return told("link {name}", name=link.name)


def _status(link: LinkState) -> LazyText:
    return told("{status}", status=link.status)


def of_certificate(source: str, certificate: CertificateState, now: datetime) -> Finding | None:
    trouble = certificate.trouble(now)
    if trouble is None:
        return None
    dead = certificate.is_over(now) or now < certificate.not_before
    does = told("ask its authority for a new one, and replace the file; see operating.md, certificates that end")
    about = told("source {name}", name=source)
    return Finding(Severity.CRITICAL if dead else Severity.WARNING, about, [trouble], does)
