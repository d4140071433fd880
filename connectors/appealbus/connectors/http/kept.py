"""Storing HTTP answers and reading them again."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from appealbus.connectors.http.client import HttpReply
from appealbus.core import Call, CallFailed, KeptAnswer, RawReply
from appealbus.schemas.outcome import OutcomeKind

_HEADERS = ("Content-Type", "Retry-After")
"""Headers used by the wires."""
_LONGEST = 8190
"""Characters of a header; the client accepts no longer ones. The multipart boundary may come last in it."""


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
