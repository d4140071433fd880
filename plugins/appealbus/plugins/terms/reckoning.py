"""A term and its proof: norm, first day, every counted day, and extensions."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from appealbus.core.clocks import day_of
from appealbus.plugins.terms.calendar import Calendar, UnknownYear, days_between
from appealbus.plugins.terms.norms import Law, Norm, Unit, months_later
from appealbus.plugins.terms.story import Extension, Noted, Stay, noted
from appealbus.plugins.terms.words import Assumption, DayKind, Remark
from appealbus.schemas import AppealKind


@dataclass(frozen=True, slots=True)
class CountedDay:
    day: date
    number: int | None
    """Position among the counted days; None: not counted."""
    kind: DayKind


@dataclass(frozen=True, slots=True)
class Lengthened:
    decided: date
    asked: date | None
    """End given by the register."""
    most: date | None
    """Latest legal end; None if unknown."""
    until: date
    """The resulting due date."""


@dataclass(frozen=True, slots=True)
class Term:
    """A due date and its proof.

    Attributes:
        norm: the norm.
        norms: version of the norms.
        calendar: version of the calendar.
        registered: day that selects the norm, and from which it counts.
        first_day: first counted day.
        days: every day of the norm's term, from the first to the due date.
        last_day: last counted day, before it is moved.
        moved_to: the same, moved to a working day (art. 76 ¶5).
        extensions: effect of each extension.
        due_on: after all extensions.
        assumed: assumptions without a source.
        remarks: oddities in the data; the clock has them all.
    """

    norm: Norm
    norms: str
    calendar: str
    registered: date
    first_day: date
    days: tuple[CountedDay, ...]
    last_day: date
    moved_to: date
    extensions: tuple[Lengthened, ...]
    due_on: date
    assumed: tuple[str, ...]
    remarks: tuple[Noted, ...] = field(repr=False)


def _days(norm: Norm, first: date, last: date, until: date, calendar: Calendar) -> Iterator[CountedDay]:
    number = 0
    for day in days_between(first, until):
        kind = calendar.kind(day)
        counts = day <= last and (norm.unit is Unit.CALENDAR or kind is DayKind.COUNTED)
        number += counts
        yield CountedDay(day, number if counts else None, kind)


def reckon(stay: Stay, kind: AppealKind | None, level: str, law: Law, *, redirected: bool = False) -> Term | None:
    """Return the term of one consideration; None if no norm applies to its day.

    `kind` is None if unknown, `level` is `central` or `local`, `redirected` tells that the appeal came from another
    body. Raises UnknownYear if the calendar does not cover the term.
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
                remarks.append(noted(Remark.REGISTERED_LATE, registered, arrival))
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
            remarks.append(noted(Remark.EXTENDED_AGAIN, extension.day))
        done = _lengthen(extension, norm, due, calendar, (remarks, assumed))
        if done is not None:
            lengthened.append(done)
            due = done.until
    stated = stay.due_on
    if stated is not None and stated != due:
        remarks.append(noted(Remark.OTHER_DUE_DATE, stated, due))
    moment = stay.registered or stay.arrived
    if norms.day_ends_assumed and day_of(moment) < registered:
        assumed.append(norms.day_ends_assumed)
    assumed += [*norm.assumed, *norms.doubted(registered), chosen, *calendar.assumptions(registered, due)]
    return Term(
        norm=norm,
        norms=norms.version,
        calendar=calendar.version,
        registered=registered,
        first_day=first,
        days=tuple(_days(norm, first, last, base, calendar)),
        last_day=last,
        moved_to=base,
        extensions=tuple(lengthened),
        due_on=due,
        assumed=tuple(dict.fromkeys(filter(None, assumed))),
        remarks=tuple(remarks),
    )


def due_of(stay: Stay, kind: AppealKind | None, level: str, law: Law) -> date | None:
    """Return the due date as `reckon` does, without the proof."""
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
    """Apply an extension; None if it has no legal effect. A term never shrinks."""
    remarks, assumed = notes
    if norm.extend_months == 0:
        remarks.append(noted(Remark.EXTENSION_FORBIDDEN, extension.day, norm.cited))
        return None
    if extension.day > due:
        remarks.append(noted(Remark.EXTENSION_LATE, extension.day, due))
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
            remarks.append(noted(Remark.EXTENSION_TOO_LONG, extension.day, most))
        until = calendar.next_working(limit)
    elif asked < due:  # it may be of any year
        until = _moved(asked, calendar)
    else:
        until = calendar.next_working(asked)
    if until < due:
        remarks.append(noted(Remark.EXTENSION_SHORTER, extension.day, due))
    return Lengthened(extension.day, extension.until, most, max(until, due))


def _moved(day: date, calendar: Calendar) -> date:
    """Move a day to a working day; unchanged if the calendar does not cover it."""
    try:
        return calendar.next_working(day)
    except UnknownYear:
        return day
