"""A complete HTTP answer: what its status means if the body does not say more, and how it is stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from appealbus.core import Call, CallFailed, KeptAnswer, RawReply
from appealbus.schemas.outcome import OutcomeKind

DENIED = (401, 403, 407)
"""Statuses with which the source, or a proxy before it, denies access."""
BUSY = (408, 429, 503)
"""Statuses that take precedence over any fault in the body."""

_LONGEST_WAIT = 24 * 3600.0
"""Longest accepted `Retry-After`, in seconds."""
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.ASCII | re.IGNORECASE)

_HEADERS = ("Content-Type", "Retry-After")
"""Headers used by the wires."""
_LONGEST = 8190
"""Characters of a header; the client accepts no longer ones. The multipart boundary may come last in it."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete answer within its size limit. Header names are case-insensitive.

    `alone`: its connection carried no other question, so it cannot answer anything else.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    alone: bool = True


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


def hand_over(reply: HttpReply, call: Call, at: datetime) -> None:
    """Hand the raw reply to the call, if it stores answers."""
    if call.came is None:
        return
    headers = {name: reply.headers[name][:_LONGEST] for name in _HEADERS if name in reply.headers}
    head = {"status": reply.status, "headers": headers, "alone": reply.alone}
    call.came(RawReply(reply.body, orjson.dumps(head).decode(), at))


def kept_reply(answer: KeptAnswer) -> HttpReply:
    """Restore a stored reply. Raises CallFailed `http.damaged`."""
    try:
        head = orjson.loads(answer.head)
        headers: Mapping[str, str] = head["headers"]
        return HttpReply(int(head["status"]), {**headers}, answer.body, alone=bool(head["alone"]))
    except (ValueError, TypeError, KeyError):
        raise CallFailed(OutcomeKind.INVALID, "http.damaged", "what was kept of the answer is damaged") from None
