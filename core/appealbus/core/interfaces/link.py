"""How a connection that stays open stands, for people and for alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from appealbus.schemas.base import Word


class LinkStatus(Word):
    """What a link does now."""

    UP = "up"
    CONNECTING = "connecting"
    DOWN = "down"
    """The other side cannot be reached; the link tries again by itself."""
    BLOCKED = "blocked"
    """The other side takes nothing more for now: it is short of memory or disk."""
    REFUSED = "refused"
    """The other side does not want us: a wrong password, a missing virtual host, a right that we lack."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """One connection as its owner sees it."""

    name: str
    """`main.consume`: unique in the process, without personal data or secrets."""
    status: LinkStatus
    detail: str = ""
    """In a line, what is wrong and what to do."""
    since: datetime | None = None
    reconnects: int = 0
    """How often it was up again after a loss, since the start."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What else is worth counting: `published`, `unroutable`, `late_replies` …"""
    warning: bool = False
    """Whether `detail` tells of something to mend, although it is up."""
    messages: Mapping[str, int] = field(default_factory=dict)
    """How many messages lie in queues of the other side that somebody should know of, by queue."""
    event: str = ""
    """The event in the log that says more; empty where the connection alone is at fault."""
