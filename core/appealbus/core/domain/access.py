"""The access log, and pages of what people did and looked at, newest first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appealbus.core.domain.event import LogEntry
from appealbus.schemas.base import Word


class Served(Word):
    SOURCE = "source"
    SHARED = "shared"
    """The answer of an identical question in flight."""
    CACHE = "cache"
    NOTHING = "nothing"
    """Second row of a question that was not sent after all."""


@dataclass(frozen=True, slots=True)
class AccessRow:
    """Who looked at whose data, for which appeal, why, and by what right. Durable before the question leaves."""

    question_id: str
    at: datetime
    actor: str
    subject: str
    source: str
    lookup: str
    number: str
    purpose: str
    legal_basis: str
    served: Served
    id: int = 0
    """Where the row stands in the journal; 0 until it is written."""
    appeal_id: int | None = None
    """The appeal's, until it is written: the log wants it, which goes by it."""


@dataclass(frozen=True, slots=True)
class AwaitedRow:
    """Access row of a question that will be answered later, with its question and appeal."""

    access: AccessRow
    appeal_id: int
    key: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    looks: bool = False
    """Accesses to personal data by people and clients; else all other actions."""
    actor: str | None = None
    what: str | None = None
    appeal_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Exclusive end; `since` is inclusive. Entries may be missing if a clock was off by more than an hour."""


@dataclass(frozen=True, slots=True)
class DeedPage:
    """Entries, newest first. A page may be short or empty although others follow."""

    entries: Sequence[LogEntry]
    next: int | None
    """Log position before which the next page begins; None: last page."""


@dataclass(frozen=True, slots=True)
class LookPlace:
    """Start of a page of accesses: before this log position and this row of the access log."""

    position: int
    access: int

    def __str__(self) -> str:
        return f"{self.position}-{self.access}"

    @classmethod
    def parse(cls, text: str) -> "LookPlace":
        match = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", text, re.ASCII)
        if match is None:
            raise ValueError("write it as the page before has told it")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class LookPage:
    """Accesses to appeals, newest first: reads by people and clients, and questions to sources."""

    rows: Sequence[LogEntry | AccessRow]
    next: LookPlace | None
    """Start of the next page; None: last page."""
