"""Replies that are kept as they came, so that they can be read again."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeptReplies:
    """What came for a question the last time that anything came, packed.

    Attributes:
        source: that was asked.
        question_id: the question's, as the access log has it.
        at: when the last reply came.
        head: what it takes to unpack and to read them; nothing of the person asked about.
        packed: their bytes, compressed.
        seconds: for how long they are kept.

    """

    source: str
    question_id: str
    at: datetime
    head: str
    packed: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """Kept replies as the journal has them."""

    id: int
    appeal_id: int
    lookup: str
    key: str
    source: str
    question_id: str
    at: datetime
    head: str
    packed: bytes
