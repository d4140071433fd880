"""Connections that stay open, and certificates: what is wrong with them."""

from datetime import datetime

from appealbus.core.domain.certificate import CertificateState
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.interfaces.link import LinkState, LinkStatus

_TODO = {
    LinkStatus.DOWN: "see whether the broker runs and can be reached; the bus connects again by itself",
    LinkStatus.CONNECTING: "see whether the broker runs and can be reached; the bus connects again by itself",
    LinkStatus.REFUSED: "mend the password, the virtual host, the right or the missing queue",
    LinkStatus.BLOCKED: "make room for the broker: memory or disk; nothing is lost meanwhile",
}
_TOPOLOGY = "`appealbus topology check` says what; then `apply`, or what it advises; a receiver binds its own queue"


def of_link(link: LinkState, who: str = "") -> Finding | None:
    """Return what is wrong with a connection; None where all is well.

    Args:
        link: the connection.
        who: whose it is, where that is not plain.

    """
    about = f"link {link.name}{who}"
    if link.status is LinkStatus.UP:
        return Finding(Severity.WARNING, about, link.detail, _TOPOLOGY) if link.warning else None
    # What is blocked is there, and goes on by itself; what connects may have begun a moment ago.
    mild = link.status in (LinkStatus.BLOCKED, LinkStatus.CONNECTING)
    detail = f"{link.status.value}: {link.detail}" if link.detail else link.status.value
    return Finding(Severity.WARNING if mild else Severity.CRITICAL, about, detail, _TODO[link.status])


def of_certificate(source: str, certificate: CertificateState, now: datetime) -> Finding | None:
    """Return why a certificate does not count or soon will not; None where all is well."""
    trouble = certificate.trouble(now)
    if trouble is None:
        return None
    dead = certificate.is_over(now) or now < certificate.not_before
    todo = "ask its authority for a new one, and replace the file; see operating.md, certificates that end"
    return Finding(Severity.CRITICAL if dead else Severity.WARNING, f"source {source}", trouble, todo)
