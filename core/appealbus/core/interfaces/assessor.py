"""An assessor: a rule over a dossier."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar

from appealbus.schemas.dossier import Dossier
from appealbus.schemas.record import Record
from appealbus.schemas.signal import Signal

R = TypeVar("R", bound=Record)


class Assessor(ABC):
    """Concludes signals from a dossier. Pure: same dossier, same signals; asks nobody."""

    name: ClassVar[str]
    reads: ClassVar[tuple[str, ...] | None] = None
    """What it reads of records: `egkn.parcel/rights`, `gbdfl.person/death_date`. None: it may read everything. Where a
    reply could not be read there, the bus drops its signals that rest on that, and says so in a signal of its own."""

    @abstractmethod
    def assess(self, dossier: Dossier) -> Iterable[Signal]:
        """Return what follows from the dossier. Says nothing where the facts are missing."""

    def warnings(self) -> Sequence[str]:
        """Say what is odd about what it judges by, such as rows of a table that overlap; `appealbus check` tells."""
        return ()


def records(dossier: Dossier, lookup: str, model: type[R]) -> list[tuple[str, R]]:
    """Return what a lookup found, each record with the beginning of its fields' paths.

    `gbdfl.person/` where the lookup found one record, `egkn.parcel[KEY]/` where it found several: with the name of a
    field behind it, that is what `Signal.fields` takes.
    """
    facts = [fact for fact in dossier.facts if fact.lookup == lookup]
    return [
        (f"{lookup}/" if len(facts) == 1 else f"{lookup}[{fact.key}]/", fact.record)
        for fact in facts
        if isinstance(fact.record, model)
    ]
