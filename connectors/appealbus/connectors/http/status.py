"""Meaning of HTTP statuses if the body does not say more."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from appealbus.connectors.http.client import HttpReply
from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

DENIED = (401, 403, 407)
"""Statuses with which the source, or a proxy before it, denies access."""
BUSY = (408, 429, 503)
"""Statuses that take precedence over any fault in the body."""

_LONGEST_WAIT = 24 * 3600.0
"""Longest accepted `Retry-After`, in seconds."""
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.ASCII | re.IGNORECASE)


def status_failure(reply: HttpReply) -> CallFailed | None:
    """Return the failure that the status stands for; None for 2xx."""
    status, code = reply.status, f"http.{reply.status}"
    if 200 <= status < 300:
        return None
    if status in DENIED:
        # An expired certificate or a proxy's mood, not an answer to the question: it may be put again.
        reason = f"the source does not accept the bus (HTTP {status}); check credentials and certificates"
        return CallFailed(OutcomeKind.UNAVAILABLE, code, reason)
    if status in (408, 425, 429) or status >= 500:
        return CallFailed(
            OutcomeKind.UNAVAILABLE,
            code,
            f"the source cannot answer now (HTTP {status})",
            retry_after=retry_after(reply.headers.get("Retry-After")),
        )
    if 300 <= status < 400:
        return CallFailed(OutcomeKind.INVALID, "http.redirect", f"the source sends us elsewhere (HTTP {status})")
    return CallFailed(OutcomeKind.INVALID, code, f"the source does not take the request (HTTP {status})")


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, a day at most; None if it is unusable."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT)


def charset_of(content_type: str) -> str | None:
    match = _CHARSET.search(content_type)
    return match[1] if match else None
