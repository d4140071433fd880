"""What people did, and who looked at what: which of it is wanted, and pages of it, the newest first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.event import LogEntry


@dataclass(frozen=True, slots=True)
class Deeds:
    """Which entries of the log: those that fulfil all that is said."""

    looks: bool = False
    """Looks at what is personal, of people and of clients; else what people did besides."""
    actor: str | None = None
    """Of this one alone, such as `person:aigul`."""
    what: str | None = None
    appeal_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    """From `since` on, before `until`. Where a clock was more than an hour wrong, some may be missing."""


@dataclass(frozen=True, slots=True)
class DeedPage:
    """A page of entries, the newest first; it may be short, or empty, though others follow."""

    entries: Sequence[LogEntry]
    next: int | None
    """Before which position the next page begins; None: this is the last one."""


@dataclass(frozen=True, slots=True)
class LookPlace:
    """A place among looks: before which position of the log, and which row of the access log, the next page begins."""

    position: int
    access: int

    def __str__(self) -> str:
        return f"{self.position}-{self.access}"

    @classmethod
    def parse(cls, text: str) -> "LookPlace":
        """Return the place that is written so; raise ValueError where it is none."""
        found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", text, re.ASCII)
        if found is None:
            raise ValueError("write it as the page before has told it")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class LookPage:
    """A page of who looked at appeals, the newest first: people and clients who read, and sources that were asked."""

    rows: Sequence[LogEntry | AccessRow]
    next: LookPlace | None
    """Where the next page begins; None: this is the last one."""
