"""The access log: who looked at whose data."""

from dataclasses import dataclass
from datetime import datetime

from appealbus.schemas.base import Word


class Served(Word):
    """What answered a question."""

    SOURCE = "source"
    SHARED = "shared"
    """An identical question was in flight; its answer serves this one too."""
    CACHE = "cache"
    NOTHING = "nothing"
    """A second row of a question that did not leave after all."""


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
    """A question whose answer comes by itself: its access row, and which question of which appeal it is."""

    access: AccessRow
    appeal_id: int
    key: str
