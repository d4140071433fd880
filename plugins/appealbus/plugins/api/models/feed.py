"""What answers say of the feed and of those who read it."""

from datetime import datetime

from pydantic import Field

from appealbus.schemas.base import Model


class Entry(Model):
    """A version of a dossier in the feed."""

    position: str
    """The cursor behind it."""
    id: str
    """The appeal's."""
    version: int
    epoch: int
    """Of the version: one more after each restore of the journal."""
    completeness: str | None = None
    kind: str | None = None
    """The appeal's."""
    at: datetime
    """When the version was made."""


class Feed(Model):
    """A page of the feed."""

    entries: list[Entry]
    next: str
    """The cursor with which the next page is asked for."""
    position: str
    """The end of the feed when the page was read."""
    lag: int = Field(ge=0)
    """How many entries of the log follow `next`, of interest or not; 0: this was all."""


class Reader(Model):
    """Up to where a client has read the feed."""

    client: str
    cursor: str
    at: datetime
    """When it last said so."""
    lag: int = Field(ge=0)
    """How many entries of the log follow."""


class Readers(Model):
    """Who reads the feed."""

    readers: list[Reader]
