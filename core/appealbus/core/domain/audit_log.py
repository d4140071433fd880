"""Actions of people and accesses to data: filters and pages, newest first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.event import LogEntry


@dataclass(frozen=True, slots=True)
class Deeds:
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
