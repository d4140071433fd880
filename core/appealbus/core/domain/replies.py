"""Original replies, kept for rereading."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeptReplies:
    """The latest replies to a question, packed.

    Attributes:
        at: arrival of the last reply.
        head: data needed to unpack and parse them, without personal data.
        seconds: retention.
    """

    source: str
    question_id: str
    at: datetime
    head: str
    packed: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class ReplyRow:
    id: int
    appeal_id: int
    lookup: str
    key: str
    source: str
    question_id: str
    at: datetime
    head: str
    packed: bytes
