"""Deliveries: who gets dossiers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from appealbus.core.config.types import Settings
from appealbus.core.interfaces.part import Part

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One dossier version on its way to one receiver."""

    message_id: str
    """`NUMBER/VERSION`, after a restore `NUMBER/VERSION.EPOCH`; the same however often it is delivered.

    A number of a person or a parcel is masked in it.
    """
    number: str
    version: int
    completeness: str
    dossier: bytes
    """The dossier as JSON."""
    region: str = ""
    """Two digits of the oblast in КАТО, `00` where the appeal does not tell; empty in what an older program wrote."""
    attempts: int = 0
    """How often it was tried before."""
    epoch: int = 1
    """One more after each restore of the journal. Of one appeal a later one counts more, whatever the version."""
    created_at: datetime | None = None
    """When the version was made."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will never take this version, however often it comes: nobody tries again by himself."""

    code: str
    """Why, in a word of ours."""


Handed: TypeAlias = str | Refused | None
"""How handing over one version ended: None where the receiver has it, a word of ours where it is to be tried again."""


class Delivery(Part[S], ABC):
    """A way out: what a table `[deliveries.NAME]` makes."""

    async def start(self) -> None:
        """Open what stays open."""

    @abstractmethod
    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Hand the versions over; return for each None, why it failed and comes again, or `Refused`.

        A call that raises, takes longer than a minute or miscounts tells nothing of any version: its halves come
        again, down to the version that it fails over, which is given up after some tries. So catch what concerns one
        version, and raise only where the receiver took none. Of one appeal there is one version in a batch.
        """

    async def close(self) -> None:
        """Let go of everything. Idempotent."""
