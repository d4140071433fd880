"""Notifications of alarms and possible surges, and the ways to receivers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from appealbus.core import LinkState

UNREACHABLE = "unreachable"
"""Reason: nothing can be sent now."""


@dataclass(frozen=True, slots=True)
class Event:
    """A notification.

    Attributes:
        key: unique and constant over retries, for deduplication by receivers.
        kind: alarm or possible surge.
        number: its row in the file.
        at: when it was found.
        place: КАТО as far as known; empty: everywhere.
        body: JSON.
    """

    key: str
    kind: Literal["alarm", "possible"]
    number: int
    at: datetime
    place: str
    body: bytes

    @property
    def region(self) -> str:
        """First two digits of КАТО; 00 without a region."""
        return self.place[:2] or "00"


class Way(ABC):
    name: ClassVar[str]

    async def start(self) -> None:
        return

    @abstractmethod
    async def send(self, event: Event) -> str | None:
        """Send; return None on success, else the reason in a word. After `UNREACHABLE` no others are tried."""

    def links(self) -> Sequence[LinkState]:
        return ()

    async def close(self) -> None:
        return
