"""An assessor: a rule over a dossier."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from appealbus.schemas.dossier import Dossier
from appealbus.schemas.signal import Signal


class Assessor(ABC):
    """Concludes signals from a dossier. Pure: same dossier, same signals; asks nobody."""

    name: ClassVar[str]

    @abstractmethod
    def assess(self, dossier: Dossier) -> Iterable[Signal]:
        """Return what follows from the dossier. Says nothing where the facts are missing."""
