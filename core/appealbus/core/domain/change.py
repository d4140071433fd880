"""Stored changes of an appeal and their order."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from appealbus.core.clocks import day_of
from appealbus.schemas.appeal import Appeal, Applicant, PersonApplicant, Warning
from appealbus.schemas.base import Model
from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.notes import Notes

ENDS = frozenset({ChangeKind.ANSWERED, ChangeKind.WITHDRAWN, ChangeKind.CLOSED})
"""After these no questions are asked for the appeal."""
GOES_ON = frozenset({ChangeKind.DUE, ChangeKind.EXTENDED, ChangeKind.REDIRECTED})
"""These reopen an ended appeal."""

AS_KEPT = "application/vnd.appealbus.change+json"
"""Media type of a change in our own form, including unusable parts. Not accepted from outside."""

_PATH = re.compile(r"[a-z_]{1,40}(\.[a-z_]{1,40})?")
"""Valid paths; others from a sender may be arbitrary text."""
_MOST_FIELDS = 50
"""Most reported fields of a change; an appeal has fewer."""

Order = tuple[datetime, str, str]
"""Sort key: time, message id, channel. Changes apply in this order, not that of arrival."""
AHEAD = timedelta(days=1)
"""Most that a change may be dated after its receipt: tolerates a fast clock but no mistyped year."""
BEHIND = timedelta(days=3653)
"""Most that it may be dated before: ten years, as registers import their past."""
LONGEST_TERM = timedelta(days=731)
"""Longest term a change may set after its date: terms of law are months, even extended."""
MISDATED = "change.misdated"
UNREAD = frozenset({"field.date", "field.moment"})


def counts_from(dated_at: datetime, received_at: datetime) -> datetime:
    """Return the date, or the receipt if the date is implausible."""
    return dated_at if -BEHIND <= dated_at - received_at <= AHEAD else received_at


def plausible(received_at: datetime | None, accepted_at: datetime) -> datetime | None:
    """Return the sender's time of receipt; None if missing or implausible."""
    return received_at if received_at is not None and counts_from(received_at, accepted_at) == received_at else None


def without_odd_dates(appeal: Appeal, accepted_at: datetime) -> Appeal:
    """Return an appeal with a warning for each date of it that cannot be; a day due, or of birth, goes."""
    notes = Notes()
    update: dict[str, Any] = {}
    if _cannot_be(appeal.due_on, accepted_at, LONGEST_TERM):
        notes.add("due_on", "field.date", _ODD, str(appeal.due_on))
        update["due_on"] = None
    if appeal.received_at != plausible(appeal.received_at, accepted_at):
        notes.warn("received_at", "field.moment", _ODD)
    if (applicant := _unborn(appeal.applicant, accepted_at)) is not None:
        notes.add("applicant.birth_date", "field.date", _ODD, str(getattr(appeal.applicant, "birth_date", "")))
        update["applicant"] = applicant
    if notes.warnings:
        update["warnings"] = [*appeal.warnings, *notes.warnings]
        update["as_written"] = [*appeal.as_written, *notes.written]
    return appeal.model_copy(update=update) if update else appeal


def order_of(row: Any) -> Order:
    """Return a change's sort key, given its columns."""
    return counts_from(row.dated_at, row.received_at), row.message_id, row.channel


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change with the moment that it counts from: that of its arrival where it says none, or an implausible one."""

    change: Change
    dated_at: datetime

    @classmethod
    def of(cls, change: Change, received_at: datetime) -> "KeptChange":
        """Return a change that came at a moment without implausible days in it; each has a warning."""
        at = counts_from(change.dated_at or received_at, received_at)
        odd = [] if change.dated_at in (None, at) else ["dated_at"]
        update: dict[str, Any] = {}
        for name, since, ahead in (("due_on", at, LONGEST_TERM), ("answered_on", received_at, AHEAD)):
            if _cannot_be(getattr(change, name), since, ahead):
                odd, update[name] = [*odd, name], None
        corrected = change.corrected
        if corrected is not None and _cannot_be(corrected.due_on, at, LONGEST_TERM):
            odd.append("corrected.due_on")
            update["corrected"] = corrected = corrected.model_copy(update={"due_on": None})
        if corrected is not None and (applicant := _unborn(corrected.applicant, received_at)) is not None:
            odd.append("corrected.applicant.birth_date")
            update["corrected"] = corrected.model_copy(update={"applicant": applicant})
        if odd:
            update["warnings"] = [*change.warnings, *(_WARNING.model_copy(update={"field": name}) for name in odd)]
        return cls(change.model_copy(update=update) if update else change, at)

    @property
    def order(self) -> Order:
        """Its place among the changes of an appeal."""
        return self.dated_at, self.change.message_id, self.change.channel

    @property
    def misdated(self) -> bool:
        """Whether a date of it is implausible or cannot be read: it counts without it."""
        return any(warning.code == MISDATED or warning.code in UNREAD for warning in self.change.warnings)


_ODD = "this date is implausible; the appeal counts without it"
_WARNING = Warning(field="", code=MISDATED, message="this date is implausible; the change counts without it")


def _cannot_be(day: date | None, at: datetime, ahead: timedelta) -> bool:
    return day is not None and not -BEHIND <= day - day_of(at) <= ahead


def _unborn(applicant: Applicant | None, at: datetime) -> Applicant | None:
    """Return an applicant without a birth date that is yet to come; None where it is not."""
    if not isinstance(applicant, PersonApplicant) or applicant.birth_date is None:
        return None
    return applicant.model_copy(update={"birth_date": None}) if applicant.birth_date > day_of(at) else None


def fields_of_change(change: Change) -> list[str]:
    """Return paths of the fields in a change, never values: `applicant.iin`, `due_on`."""
    paths = []
    for name, value in change.corrected or ():
        if isinstance(value, Model):
            paths += [f"{name}.{field}" for field, given in value if given is not None and field != "type"]
        elif value is not None:
            paths.append(name)
    paths += change.removed if change.kind is ChangeKind.CORRECTED else []
    return [path for path in paths if _PATH.fullmatch(path)][:_MOST_FIELDS]


def closed_by(changes: Iterable[tuple[Order, str]]) -> str | None:
    """Return the kind of change that ended an appeal; None if it is open or was reopened."""
    closed = None
    for _, kind in sorted(changes):
        if kind in ENDS:
            closed = kind
        elif kind in GOES_ON:
            closed = None
    return closed
