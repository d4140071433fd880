"""Counts of waiting appeals."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class ParkedFor:
    source: str
    appeals: int
    """An appeal that waits for two sources counts for each."""
    first_at: datetime
    """Next attempt of the first of them."""
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DueMoved:
    """A changed due date; None: no due date."""

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
