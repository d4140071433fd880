"""Deliveries: who gets dossiers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from appealbus.core.config.base import Settings
from appealbus.core.interfaces.part import Part

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One dossier version on its way to one receiver."""

    message_id: str
    """`NUMBER/VERSION`, the same however often it is delivered; a number of a person or a parcel is masked in it."""
    number: str
    version: int
    completeness: str
    dossier: bytes
    """The dossier as JSON."""
    region: str = ""
    """Two digits of the oblast in КАТО, `00` where the appeal does not tell; empty in what an older program wrote."""


class Delivery(Part, ABC, Generic[S]):
    """A way out: what `kind = "name"` in `[deliveries.NAME]` chooses."""

    kind: ClassVar[str]
    settings: type[S]

    def __init__(self, name: str, settings: S) -> None:
        self.name = name
        self.config = settings

    async def start(self) -> None:
        """Open what stays open."""

    @abstractmethod
    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        """Hand the versions over, in order; return for each None, or why it failed.

        May raise: then all of the batch failed. What failed comes again.
        """

    async def close(self) -> None:
        """Let go of everything. Idempotent."""
