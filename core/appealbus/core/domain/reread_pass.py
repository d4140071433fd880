"""One go over what a source's kept replies say, by the bus itself, since they are read otherwise than before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from appealbus.core.domain.event import moment_of

Readings = Mapping[str, int]
"""What the replies of a source are read with: by lookup, and for the source's settings, a fingerprint of 63 bits."""


class Stage(IntEnum):
    """How far it is."""

    OVER = 0
    GOES_ON = 1
    STOPPED = 2
    """What was told without a doubt would be told otherwise, of too many: nothing was changed."""
    FAILED = 3
    """The process that reads them ends or hangs, whatever it is given."""
    OTHER = 4
    """The plugins on the disk are not those that the bus has loaded."""


@dataclass(frozen=True, slots=True)
class RereadPass:
    """The newest go over the kept replies of a source. All but `source` and `readings` are numbers.

    Attributes:
        source: whose replies.
        readings: with what they are read.
        stage: how far it is.
        at: the place up to which it has come, from the newest reply on: when that came, in microseconds since 1970.
        id: the rest of that place.
        compared: records that were read again before anything was changed.
        otherwise: those of them that would say something else where nothing is in doubt.
        gaps: questions with a gap that were read again.
        changed: appeals that were changed.
        left: questions with a gap that could be read and were left, and appeals that could not be read or changed.

    """

    source: str
    readings: Readings
    stage: Stage = Stage.OVER
    at: int = 0
    id: int = 0
    compared: int = 0
    otherwise: int = 0
    gaps: int = 0
    changed: int = 0
    left: int = 0

    @property
    def since(self) -> datetime | None:
        """When the oldest of these replies came."""
        return moment_of(self.at) if self.at else None

    @property
    def is_undone(self) -> bool:
        """Whether a person has to look."""
        return bool(self.left) if self.stage is Stage.OVER else self.stage is not Stage.GOES_ON
