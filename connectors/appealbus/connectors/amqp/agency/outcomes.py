"""Outcome headers of an agency's answer: `outcome`, and `code` with the agency's own code."""

import re
from collections.abc import Mapping
from typing import Final

from appealbus.connectors.amqp.agency.body import broken
from appealbus.connectors.broker.broker import Header
from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

ANSWER: Final = "answer"
_SAID = {
    "not_found": (OutcomeKind.NOT_FOUND, "amqp.not_found", "the source says that it knows no such record"),
    "refused": (OutcomeKind.REFUSED, "amqp.refused", "the source says that we have no right, or no consent"),
    "unavailable": (OutcomeKind.UNAVAILABLE, "amqp.unavailable", "the source says that it cannot answer now"),
    "invalid": (OutcomeKind.INVALID, "amqp.invalid", "the source finds a fault in our question"),
}
# Long codes are not quoted: eight characters cannot hold an ИИН.
_QUOTABLE = re.compile(r"[A-Za-z0-9_-]{1,8}", re.ASCII)


def failure_from_headers(headers: Mapping[str, Header]) -> CallFailed | None:
    """Return the failure that the headers declare, or None if the body holds the answer."""
    word = headers.get("outcome")
    if word is None or word == ANSWER:
        return None
    if not isinstance(word, str) or word not in _SAID:
        return broken("amqp.outcome", "the header outcome of the answer is none that we know")
    kind, name, reason = _SAID[word]
    code = headers.get("code")
    quoted = f".{code}" if isinstance(code, str | int) and _QUOTABLE.fullmatch(str(code)) else ""
    return CallFailed(kind, f"{name}{quoted}", reason)
