"""Filters for appeals and deliveries, and places in their lists."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from typing import Any

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.listing import AppealRow, AppealState

_NO_DATE = date.max.toordinal()
OLDEST = 36_500
_WRITTEN = re.compile(r"([a-z])([0-9]{1,19})\.([0-9]{1,19})", re.ASCII)


def before_days(days: int, now: datetime) -> datetime:
    """Return midnight, in the country's time zone, that many days ago; constant all day."""
    today = day_of(now)
    return datetime.combine(today - timedelta(days=days), time(), KAZAKHSTAN)


@dataclass(frozen=True, slots=True)
class Selection:
    """Filter of appeals; all conditions must hold. Empty: all appeals."""

    state: AppealState | None = None
    kind: str | None = None
    place: str | None = None
    """КАТО, normalized."""
    body: str | None = None
    """Addressed body: БИН, else КАТО of its territory."""
    signal: str | None = None
    receiver: str | None = None
    """With a version neither confirmed nor given up."""
    source: str | None = None
    """Asked again by a parked appeal, or asked when it was held."""
    code: str | None = None
    """Of an outcome that is refused, unavailable, timed_out, invalid or awaiting."""
    completeness: str | None = None
    """Of the newest dossier. Like all texts here, it may be a comma-separated list."""
    lacking: bool = False
    unassessed: bool = False
    misdated: bool = False
    """Whether one of its dates is implausible or unreadable."""
    due_from: date | None = None
    due_before: date | None = None
    """Legal due date. Either limit excludes ended appeals."""
    open: bool = False
    """Excludes ended appeals, whatever their date; most urgent first."""
    accepted_before: datetime | None = None
    """Exclusive."""
    named: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Persons and parcels, all named by the appeal or its records: kind and normal form. Personal data."""

    def __bool__(self) -> bool:
        return self != Selection()

    @property
    def due(self) -> tuple[int, int] | None:
        """First and last day as urgencies; None without dates."""
        if self.due_from is None and self.due_before is None:
            return (0, _NO_DATE) if self.open else None
        first = 0 if self.due_from is None else self.due_from.toordinal()
        return first, _NO_DATE - 1 if self.due_before is None else self.due_before.toordinal() - 1

    def told(self) -> dict[str, Any]:
        """Return the filter for the log: of persons and parcels only whether there are any."""
        said = {part.name: getattr(self, part.name) for part in fields(self) if part.name != "named"}
        values = {name: str(value) for name, value in said.items() if value not in (None, False)}
        return values | ({"named": " ".join(kind for kind, _ in self.named)} if self.named else {})


@dataclass(frozen=True, slots=True)
class DeliverySelection:
    """Filter of deliveries; all conditions must hold."""

    receiver: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Exclusive end of confirmation; `since` is inclusive."""

    def told(self) -> dict[str, Any]:
        return {part.name: str(value) for part in fields(self) if (value := getattr(self, part.name)) is not None}


@dataclass(frozen=True, slots=True)
class HistorySelection:
    receiver: str
    after: Cursor | None = None
    """None: from the oldest kept version."""

    def told(self) -> dict[str, Any]:
        return {"receiver": self.receiver, **({} if self.after is None else {"after": str(self.after)})}


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Position in a list: after this id and, if the list has another sort key, after that key."""

    id: int
    first: int | None = None
    """A day as a number, or a time."""

    def __str__(self) -> str:
        """Return an id, or an opaque text."""
        if self.first is None:
            return str(self.id)
        return base64.urlsafe_b64encode(f"p{self.first}.{self.id}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "ListPosition":
        if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
            return cls(int(text))
        try:
            written = base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}".encode("ascii")).decode("ascii")
        except (binascii.Error, ValueError):
            written = ""
        match = _WRITTEN.fullmatch(written)
        if match is None or match[1] != "p":
            raise ValueError("write it as the page before has told it")
        return cls(int(match[3]), int(match[2]))


NOWHERE = ListPosition(0)


@dataclass(frozen=True, slots=True)
class AppealsFound:
    rows: Sequence[AppealRow]
    places: Sequence[ListPosition]
    """Position after each appeal."""
    next: ListPosition | None
