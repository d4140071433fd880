"""Lists of appeals and dossiers, without contents, and named filters that all users share."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from appealbus.schemas.base import Word


class AppealState(Word):
    """How an appeal stands."""

    READY = "ready"
    """It waits for work."""
    IN_WORK = "in_work"
    """Somebody works on it now, under a lease."""
    PARKED = "parked"
    """It waits for the next attempt of a lookup."""
    IDLE = "idle"
    """It waits for nothing."""
    SUSPECT = "suspect"
    """Its worker died over it and others; it waits for its turn, one suspect at a time."""
    HELD = "held"
    """It is not worked until somebody releases it."""


@dataclass(frozen=True, slots=True)
class AppealRow:
    """An appeal in a list."""

    appeal_id: int
    number: str
    public_id: str
    """By which clients know it; empty where what it is made of is damaged, and then none finds it."""
    channel: str
    message_id: str
    accepted_at: datetime
    state: AppealState
    due_at: datetime | None
    """When a parked appeal is worked on again."""
    version: int
    completeness: str | None
    """Of the newest dossier; None where there is none yet."""
    changed_at: datetime
    held_by: str | None = None
    """Who holds it: a person, or the bus itself; None where it is not held."""
    held_reason: str | None = None
    lacks: tuple[str, ...] = ()
    """Lookups of its contract that could not be asked since they are not loaded."""
    unassessed: tuple[str, ...] = ()
    """Assessors that raised over its newest dossier."""
    misdated: bool = False
    """Whether a date of it does not count."""
    closed: str | None = None
    """The kind of change with which it ended: `answered`, `withdrawn`, `closed`."""
    due_on: date | None = None
    """The date set by law."""
    waits_for: tuple[str, ...] = ()
    """Sources that a parked appeal asks again."""
    kind: str | None = None
    place: str | None = None
    body: str | None = None
    """That it is written to: its БИН, else the КАТО of its territory."""
    signal: str | None = None
    """The worst severity of its signals."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a dossier, without the dossier."""

    version: int
    completeness: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Endangered:
    """An appeal that is due while it waits for a stopped source."""

    number: str
    due_on: date


@dataclass(frozen=True, slots=True)
class NamedView:
    """A named list; the filters are stored as in its URL."""

    MOST: ClassVar = 200
    LONGEST_NAME: ClassVar = 60
    LONGEST_QUERY: ClassVar = 500

    name: str
    query: str
    by: str
    at: datetime
