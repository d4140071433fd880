"""What is sent of alarms and of what is possible, to whoever has to know, and by which ways."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from appealbus.core import LinkState

UNREACHABLE = "unreachable"
"""Why nothing at all can be sent now."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to send.

    Attributes:
        key: the same whenever it is sent again, and no other's: by it a receiver knows what it has already.
        kind: an alarm, or what is only possible yet.
        number: its row in the file.
        at: when it was found.
        place: КАТО as far as it is known; empty: everywhere.
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
        """The first two digits of КАТО; 00 where it is of no region."""
        return self.place[:2] or "00"


class Way(ABC):
    """A way to a receiver."""

    name: ClassVar[str]

    async def start(self) -> None:
        """Begin to connect."""
        return

    @abstractmethod
    async def send(self, event: Event) -> str | None:
        """Send; return None once it is taken, else why not, in a word: `UNREACHABLE` where others need not be tried."""

    def links(self) -> Sequence[LinkState]:
        """Say how the connection stands."""
        return ()

    async def close(self) -> None:
        """Let go of the connection."""
        return
