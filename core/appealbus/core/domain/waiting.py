"""What waits for what, in figures."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class ParkedFor:
    """Appeals that are parked until a source is asked again."""

    source: str
    appeals: int
    """One that waits for two sources is counted for each."""
    first_at: datetime
    """When the first of them is asked for again."""
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DueMoved:
    """That an appeal has to be answered until another day than before; None: nothing says until when."""

    appeal_id: int
    before: date | None
    due_on: date | None


@dataclass(frozen=True, slots=True)
class DueAtBody:
    """Those of them that are written to one body."""

    body: str
    """Its БИН, else the КАТО of its territory; empty: they name none."""
    appeals: int
    overdue: int


@dataclass(frozen=True, slots=True)
class DueSoon:
    """Open appeals that are due soon, or were due lately, and whose dossiers lack something."""

    until: date
    appeals: int
    more: bool
    """Whether there are more than were counted."""
    overdue: int
    """How many of those counted were due before today."""
    numbers: tuple[str, ...]
    """The most urgent of them."""
    bodies: tuple[DueAtBody, ...] = ()
    """Those counted by body, what has most of them first."""
