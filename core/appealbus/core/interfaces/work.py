"""The work queue: tells the workers of one journal that an appeal waits.

It carries hints. The journal alone says which appeals wait and which is the most urgent, and a worker gets an appeal
from it alone, under a lease: a hint that is lost costs a second, one that comes twice costs nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from appealbus.core.config.types import Settings
from appealbus.core.interfaces.part import Part

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An appeal that waits for a worker."""

    appeal_id: int
    number: str
    urgency: int
    """The statutory deadline as a number of days (`date.toordinal`): the smaller, the more urgent."""


class WorkQueue(Part[S], ABC):
    """What the table `[work]` makes. Without that table a worker looks into the journal each second."""

    async def start(self) -> None:
        """Open what stays open."""

    @abstractmethod
    def offer(self, waiting: Waiting) -> None:
        """Tell the others, soon. Never waits, never raises; may drop it when there are too many."""

    @abstractmethod
    async def run(self, take: Callable[[], Awaitable[bool]]) -> None:
        """Call `take` for each hint, until cancelled. It says whether this worker has looked.

        If not, it has no room: let another one have the hint, if that can be done.
        """

    async def close(self) -> None:
        """Let go of everything. Idempotent."""
