"""Intakes: where appeals come from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, TypeVar

from appealbus.core.config.types import Settings
from appealbus.core.interfaces.part import Part
from appealbus.schemas.appeal import Receipt

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from outside, as it came.

    Attributes:
        channel: which intake took it; with the message id it tells messages apart.
        position: where it stood, for people: `appeals.jsonl:17`.
        raw: the canonical appeal as JSON or XML, or whatever came instead.
        media_type: `application/json` or `application/xml`.
        problem: set where the intake itself already knows why it cannot be taken.
        again: whether somebody had it before and did not finish with it: it is taken alone, one after the other, and
            kept unread once three who read it have died.
        message_id: set where it shall be taken under another id than its own.
        expects: `appeal` or `change`, where a sender that is known says what it sends, and perhaps under which
            `message_id`: what is neither, or names another channel or id, is sent back and nothing of it is kept.
    """

    channel: str
    position: str
    raw: bytes
    media_type: str = "application/json"
    problem: str | None = None
    again: bool = False
    message_id: str | None = None
    expects: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """The appeal is on disk and will be enriched."""

    receipt: Receipt
    new: bool
    """False where the same message had come before: the receipt is the one it got then."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The message could not be taken; it is kept with its reason and can be replayed."""

    quarantine_id: int
    reason: str
    """Ours: names fields, never quotes their values."""
    code: str = "message.unreadable"
    """A stable word for programs: `json.malformed`, `xml.doctype`, `appeal.invalid`, `message.differs` …"""


class Acceptor(Protocol):
    """The bus's side of an intake."""

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take one message. Returns when the result is on disk; waits while the bus is full."""


class Intake(Part[S], ABC):
    """An adapter of a channel: what a table `[intakes.NAME]` makes."""

    def __init__(self, name: str, settings: S) -> None:
        super().__init__(name, settings)
        self.idle = True
        """False while there is something to take that has not been taken: `run --until-idle` waits for it."""

    @abstractmethod
    async def run(self, acceptor: Acceptor) -> None:
        """Take messages until cancelled."""
