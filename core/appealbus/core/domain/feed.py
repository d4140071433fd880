"""The feed: versions of dossiers in one order, and its readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appealbus.core.domain.event import Cursor


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A version at its log position. `epoch` belongs to the version, not to the position."""

    position: int
    at: datetime
    appeal_id: int
    public_id: str
    number: str
    version: int
    epoch: int
    completeness: str
    kind: str | None
    """Current kind of the appeal; None: unknown."""
    place: str | None
    """КАТО; None: unknown."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    entries: Sequence[FeedEntry]
    next: Cursor
    """Start of the next page, also past entries that were filtered out."""
    head: Cursor

    @property
    def lag(self) -> int:
        """Log entries after this page, filtered or not."""
        return self.head.position - self.next.position


@dataclass(frozen=True, slots=True)
class FeedReader:
    """A client that reads the feed. `cursor` is its last confirmed position, `lag` the unread log entries."""

    client: str
    cursor: Cursor
    at: datetime
    lag: int
