"""The access log: accesses to personal data."""

from dataclasses import dataclass
from datetime import datetime

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
