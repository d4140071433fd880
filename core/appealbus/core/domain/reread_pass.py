"""Automatic rereading of a source's kept replies after a change of plugins."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from appealbus.core.domain.event import moment_of

Readings = Mapping[str, int]
"""63-bit fingerprints of code and settings that parse a source's replies, by lookup and for the source's settings."""


class Stage(IntEnum):
    OVER = 0
    GOES_ON = 1
    STOPPED = 2
    """Too many undoubted records would change; nothing was saved."""
    FAILED = 3
    """The reading process crashes or hangs on everything."""
    OTHER = 4
    """The plugins on disk differ from those loaded."""


@dataclass(frozen=True, slots=True)
class RereadPass:
    """The newest rereading of a source's replies. All but `source` and `readings` are numbers.

    Attributes:
        at: current place, from the newest reply backwards: arrival in microseconds since 1970.
        id: rest of that place.
        compared: records of the sample.
        otherwise: sample records with undoubted changes.
        gaps: reread questions with gaps.
        left: readable questions with gaps that were skipped, and appeals that could not be read or changed.
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
        return moment_of(self.at) if self.at else None

    @property
    def is_undone(self) -> bool:
        return bool(self.left) if self.stage is Stage.OVER else self.stage is not Stage.GOES_ON
