"""The past: other appeals that have something in common with one, and what compares it with them."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appealbus.core.domain.change import KeptChange
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.signal import Signal


@dataclass(frozen=True, slots=True)
class Other:
    """Another appeal that has something in common with one.

    Attributes:
        appeal_id: its own: of two that have come the larger one came later.
        number: of its receipt.
        public_id: by which clients know it; empty where what it is made of is damaged.
        accepted_at: when the bus got it; None: the reader does not see that.
        appeal: its newest form.
        changes: what has happened to it since, as far as that is known; None: the reader does not see that.
        place: as in lists, by which clients may see it or not.
        person: whether the same person or organisation wrote it, by ИИН or БИН; None: one of the two is not known.
        category: whether it has the same category.
        parcel: whether it names one of the same parcels itself.
        told: whether the one says that it repeats this one.
        like: about how similar their texts are; 0.0 where it was not found by its text.
    """

    appeal_id: int
    number: str
    public_id: str
    accepted_at: datetime | None
    appeal: Appeal
    changes: tuple[KeptChange, ...] | None
    place: str | None
    person: bool | None
    category: bool
    parcel: bool
    told: bool
    like: float

    @property
    def matter(self) -> bool:
        """Whether it is the same person about the same matter, before their texts are compared."""
        return self.person is True and (self.category or self.parcel or self.told)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of others, bounded: a campaign may have 200,000 letters.

    Attributes:
        others: those that were read, in the order in which they came.
        copies: how many of other people have about the same text, among those that were looked at.
        neighbours: how many of other people name one of the same parcels, in the same way.
        more: whether there are others that were not looked at: then both are at least so many.
    """

    others: tuple[Other, ...] = ()
    copies: int = 0
    neighbours: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What somebody is shown who asks.

    Attributes:
        document: in values that JSON has, or that are moments or days.
        shown: ids of the others that it shows something of: that somebody looks is noted of these, too.
    """

    document: dict[str, Any]
    shown: frozenset[int]


class PastAssessor(Assessor):
    """Concludes signals from an appeal and those before it. Pure: same appeal, same past, same signals; asks nobody.

    What it is given is found by a `PastFinder`.
    """

    def assess(self, dossier: Dossier) -> Iterable[Signal]:
        """Say nothing: a dossier has no past."""
        return ()

    @abstractmethod
    def recall(self, appeal: Appeal, past: Past) -> Iterable[Signal]:
        """Return what follows, when a version of the dossier is made. It may be called in a thread."""

    @abstractmethod
    def compare(self, appeal: Appeal, past: Past) -> Comparison:
        """Return what somebody is shown who asks.

        It is called, in a thread, with appeals as the reader sees them: what is hidden is absent in them.
        """


class PastFinder(JournalPart):
    """Finds the past of appeals. It keeps rows only where an assessor compares."""

    @abstractmethod
    def find(self, connection: Any, appeal_id: int, appeal: Appeal, *, thorough: bool = False) -> Past:
        """Return what an appeal, in this form, has in common with others that came before it.

        `connection` is SQLAlchemy's. If `thorough`, somebody waits for it: then it finds more, and later ones too.
        """
