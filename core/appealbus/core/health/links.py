"""Checks of persistent connections and certificates."""

from datetime import datetime

from appealbus.core.domain.source_state import CertificateState
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.lazy_text import LazyText, told

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
