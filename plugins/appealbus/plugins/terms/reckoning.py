"""A term and its proof: by which norm, from which day, every day counted, and how decisions have moved it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from appealbus.core.clocks import day_of
from appealbus.plugins.terms.calendar import Calendar, UnknownYear, days_between
from appealbus.plugins.terms.norms import Law, Norm, Unit, months_later
from appealbus.plugins.terms.story import Extension, Noted, Stay
from appealbus.plugins.terms.words import Assumption, DayKind, Remark
from appealbus.schemas import AppealKind


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A day of a term."""

    day: date
    number: int | None
    """Which it is of those that count; None: it does not."""
    kind: DayKind


@dataclass(frozen=True, slots=True)
class Lengthened:
    """What a decision has made of a term."""

    decided: date
    asked: date | None
    """What the register says of its end."""
    most: date | None
    """The latest that the law allows; None: that was not read."""
    until: date
    """When it is due since."""


@dataclass(frozen=True, slots=True)
class Term:
    """When an answer is due, and why.

    Attributes:
        norm: the norm.
        registered: the day by which the norm is chosen, and from which it counts.
        first: the first day that counts.
        last: the last one, before it moves.
        base: the same, moved to a working day where it is off (art. 76 ¶5).
        due: when it is due after all decisions.
        lengthened: what each decision did.
        calendar: the version of the calendar.
        norms: the version of the norms.
        assumed: what no text says and was taken for this term.
        remarks: what is odd about what was told of it.

    """

    norm: Norm
    registered: date
    first: date
    last: date
    base: date
    due: date
    lengthened: tuple[Lengthened, ...]
    calendar: str
    norms: str
    assumed: tuple[str, ...]
    remarks: tuple[Noted, ...]

    def days(self, calendar: Calendar) -> Iterator[CountedDay]:
        """Go through every day of the term as the norm gives it, from the first up to that on which it is due."""
        number = 0
        calendar_days = self.norm.unit is Unit.CALENDAR
        for day in days_between(self.first, self.base):
            kind = calendar.kind(day)
            counts = day <= self.last and (calendar_days or kind is DayKind.COUNTED)
            number += counts
            yield CountedDay(day, number if counts else None, kind)


def reckon(stay: Stay, kind: AppealKind | None, level: str, law: Law, *, redirected: bool = False) -> Term | None:
    """Return the term of one consideration; None where no norm counts for its day.

    Args:
        stay: the consideration.
        kind: of the appeal; None: nobody has told.
        level: of the body, `central` or `local`.
        law: by which.
        redirected: whether the appeal came from another body.

    Raises:
        UnknownYear: the calendar does not know all of its days.

    """
    assumed: list[str] = []
    remarks: list[Noted] = []
    norms, calendar = law.norms, law.calendar
    registered = law.registered_on(stay.registered or stay.arrived)
    if stay.registered is None:
        assumed.append(Assumption.REDIRECT if redirected else Assumption.ARRIVAL)
    else:
        with suppress(UnknownYear):  # of the arrival alone: the term does not rest on it
            arrival = law.registered_on(stay.arrived)
            if registered > arrival:
                remarks.append(Noted(Remark.REGISTERED_LATE, registered, str(arrival)))
    norm, chosen = norms.term(registered, kind, level)
    if norm is None:
        return None
    first = norm.first_day(registered)
    last = norm.last_day(first, calendar)
    base = calendar.next_working(last)
    due = base
    lengthened: list[Lengthened] = []
    for extension in stay.extensions:
        if lengthened:
            remarks.append(Noted(Remark.EXTENDED_AGAIN, extension.day))
        done = _lengthen(extension, norm, due, calendar, (remarks, assumed))
        if done is not None:
            lengthened.append(done)
            due = done.until
    told = stay.due_on
    if told is not None and told != due:
        remarks.append(Noted(Remark.OTHER_DUE_DATE, told, str(due)))
    moment = stay.registered or stay.arrived
    if norms.day_ends_assumed and day_of(moment) < registered:
        assumed.append(norms.day_ends_assumed)
    assumed += [*norm.assumed, *norms.doubted(registered), chosen, *calendar.assumptions(registered, due)]
    return Term(
        norm, registered, first, last, base, due, tuple(lengthened), calendar.version, norms.version,
        tuple(dict.fromkeys(filter(None, assumed))), tuple(remarks),
    )  # fmt: skip


def due_of(stay: Stay, kind: AppealKind | None, level: str, law: Law) -> date | None:
    """Return when the term of one consideration ends, as `reckon` does, without the proof.

    Raises:
        UnknownYear: the calendar does not know all of its days.

    """
    moment = stay.registered or stay.arrived
    due = law.due_of(kind, level, moment)
    if due is None or not stay.extensions:
        return due
    norm, _ = law.norms.term(law.registered_on(moment), kind, level)
    for extension in stay.extensions:
        done = None if norm is None else _lengthen(extension, norm, due, law.calendar, ([], []))
        due = due if done is None else done.until
    return due


def _lengthen(
    extension: Extension, norm: Norm, due: date, calendar: Calendar, notes: tuple[list[Noted], list[str]]
) -> Lengthened | None:
    """Return what a decision makes of a term; None where by law it makes nothing of it. A term never shrinks."""
    remarks, assumed = notes
    if norm.extend_months == 0:
        remarks.append(Noted(Remark.EXTENSION_FORBIDDEN, extension.day, norm.cited))
        return None
    if extension.day > due:
        remarks.append(Noted(Remark.EXTENSION_LATE, extension.day, str(due)))
        return None
    asked, limit = extension.until, None
    if norm.extend_months is None:
        assumed.append(Assumption.UNREAD)
    else:
        limit = months_later(extension.day, norm.extend_months)
    if asked is None:
        if limit is None:
            return None
        assumed.append(Assumption.UNTIL)
        asked = limit
    most = None if limit is None else _moved(limit, calendar)
    if limit is not None and most is not None and asked > limit:
        # Days between the two are off: whatever of them was asked for moves to the same one.
        if asked > most:
            remarks.append(Noted(Remark.EXTENSION_TOO_LONG, extension.day, str(most)))
        until = calendar.next_working(limit)
    elif asked < due:  # it may be of any year
        until = _moved(asked, calendar)
    else:
        until = calendar.next_working(asked)
    if until < due:
        remarks.append(Noted(Remark.EXTENSION_SHORTER, extension.day, str(due)))
    return Lengthened(extension.day, extension.until, most, max(until, due))


def _moved(day: date, calendar: Calendar) -> date:
    """Return the working day that a day moves to; itself where the calendar does not know it."""
    try:
        return calendar.next_working(day)
    except UnknownYear:
        return day
