"""The feed: versions of dossiers in one order, and who has read up to where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appealbus.core.domain.event import Cursor


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A version of a dossier, at its position in the log. `epoch` is that of the version, not of the position."""

    position: int
    at: datetime
    """When the version was written down."""
    appeal_id: int
    public_id: str
    number: str
    version: int
    epoch: int
    completeness: str
    kind: str | None
    """Of the appeal, as it stands now; None: of none that is known."""
    place: str | None
    """By КАТО; None: nobody has said where."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of the feed."""

    entries: Sequence[FeedEntry]
    next: Cursor
    """Where the next page begins. It moves on past what is not wanted, too."""
    head: Cursor
    """The end of the log when the page was read."""

    @property
    def lag(self) -> int:
        """How many entries of the log follow this page, wanted or not."""
        return self.head.position - self.next.position


@dataclass(frozen=True, slots=True)
class FeedReader:
    """A client that reads the feed.

    Attributes:
        client: its name.
        cursor: up to where it has said that it has read.
        at: when it last said so.
        lag: how many entries of the log it has not read.

    """

    client: str
    cursor: Cursor
    at: datetime
    lag: int
