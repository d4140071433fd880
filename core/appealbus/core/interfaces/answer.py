"""Answers that come by themselves, hours after the question: what a wire brings, and what the journal keeps of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came.

    Attributes:
        question_id: of the question that it answers: what went out as the correlation id.
        body: as it came. The bus does not look into it.
        head: what else the wire needs to read it, in the wire's own words.
    """

    question_id: str
    body: bytes
    head: str = ""


@dataclass(frozen=True, slots=True)
class RawReply:
    """A reply to a call as it came, handed over by its wire to be kept (`Call.came`).

    Attributes:
        body: byte for byte as it came; what provenance has the hash of.
        head: what else the wire needs to read it, in the wire's own words.
        at: when it came.
    """

    body: bytes
    head: str
    at: datetime


class Kept(StrEnum):
    """What became of an answer."""

    STORED = "stored"
    """It is on disk, and its appeal is worked on next."""
    AGAIN = "again"
    """The question has an answer already: nothing is changed."""
    UNKNOWN = "unknown"
    """The source was never asked so, or the question has ended: nothing is kept."""


class Answers(Protocol):
    """The bus's side of a wire whose answers come by themselves."""

    async def answered(self, source: str, answer: Answer) -> Kept:
        """Keep an answer. On return it is on disk, or nobody waits for it.

        Raises:
            JournalError: nothing could be written; whoever sent it keeps it.
        """
