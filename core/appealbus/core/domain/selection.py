"""Which appeals and which deliveries a person means, and places in lists of them."""

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
"""The urgency of an appeal that no law has set a date for."""
OLDEST = 36_500
"""Days of age that can be asked for."""
_WRITTEN = re.compile(r"([a-z])([0-9]{1,19})\.([0-9]{1,19})", re.ASCII)


def before_days(days: int, now: datetime) -> datetime:
    """Return the midnight that many days before a moment, on the country's clock: the same one all day long."""
    today = day_of(now)
    return datetime.combine(today - timedelta(days=days), time(), KAZAKHSTAN)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which appeals: those that fulfil all that is said. Nothing said: all there are."""

    state: AppealState | None = None
    kind: str | None = None
    place: str | None = None
    """The place's КАТО, in its normal form."""
    body: str | None = None
    """That it is written to: its БИН, else the КАТО of its territory."""
    signal: str | None = None
    """The worst severity of its signals."""
    receiver: str | None = None
    """One that has not confirmed a version yet, which nobody has given up."""
    source: str | None = None
    """One that a parked appeal asks again, or asked when it was held."""
    code: str | None = None
    """Of an outcome that is refused, unavailable, timed_out, invalid or awaiting."""
    completeness: str | None = None
    """Of the newest dossier; with commas between them several words, as in all that is text here."""
    lacking: bool = False
    """Whether its contract wants a lookup that was not loaded."""
    unassessed: bool = False
    """Whether an assessor raised over its newest dossier."""
    misdated: bool = False
    """Whether a date of it is implausible or cannot be read."""
    due_from: date | None = None
    due_before: date | None = None
    """The date set by law; with either no change has ended the appeal."""
    open: bool = False
    """Whether no change has ended it, whatever its date; most urgent first."""
    accepted_before: datetime | None = None
    """Older ones alone."""
    named: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """All of these are named by the appeal or a record found for it: kind and normal form. Personal."""

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return self != Selection()

    @property
    def due(self) -> tuple[int, int] | None:
        """The first and the last day that are meant, as urgencies; None where no date is."""
        if self.due_from is None and self.due_before is None:
            return (0, _NO_DATE) if self.open else None
        first = 0 if self.due_from is None else self.due_from.toordinal()
        return first, _NO_DATE - 1 if self.due_before is None else self.due_before.toordinal() - 1

    def told(self) -> dict[str, Any]:
        """Return it for the log: nothing personal, only whether anybody or anything was named."""
        said = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "named"}
        told = {name: str(value) for name, value in said.items() if value not in (None, False)}
        return told | ({"named": " ".join(kind for kind, _ in self.named)} if self.named else {})


@dataclass(frozen=True, slots=True)
class DeliverySelection:
    """Which deliveries: those that fulfil all that is said."""

    receiver: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """When they were confirmed: from `since` on, before `until`."""

    def told(self) -> dict[str, Any]:
        """Return it for the log."""
        return {each.name: str(value) for each in fields(self) if (value := getattr(self, each.name)) is not None}


@dataclass(frozen=True, slots=True)
class HistorySelection:
    """Which versions a receiver that came later is to get: those after a place in the log that it can still get."""

    receiver: str
    after: Cursor | None = None
    """None: from the beginning of what is kept."""

    def told(self) -> dict[str, Any]:
        """Return it for the log."""
        return {"receiver": self.receiver, **({} if self.after is None else {"after": str(self.after)})}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: behind the row with this id and, where the list goes by something else first, with that."""

    id: int
    first: int | None = None
    """A day as a number, or a moment."""

    def __str__(self) -> str:
        """Return it as users get it: an id, or what only this program reads."""
        if self.first is None:
            return str(self.id)
        return base64.urlsafe_b64encode(f"p{self.first}.{self.id}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place that is written so; raise ValueError where it is none."""
        if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
            return cls(int(text))
        try:
            written = base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}".encode("ascii")).decode("ascii")
        except (binascii.Error, ValueError):
            written = ""
        found = _WRITTEN.fullmatch(written)
        if found is None or found[1] != "p":
            raise ValueError("write it as the page before has told it")
        return cls(int(found[3]), int(found[2]))


NOWHERE = Place(0)
"""Before all rows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of appeals."""

    rows: Sequence[AppealRow]
    places: Sequence[Place]
    """Behind each of them."""
    next: Place | None
    """Where the next page begins; None: this is the last one."""
