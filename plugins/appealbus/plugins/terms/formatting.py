"""Formats a clock as JSON and as text."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from appealbus.core.language import Reader
from appealbus.plugins.terms.calendar import Calendar, UnknownYear
from appealbus.plugins.terms.citing import Cited
from appealbus.plugins.terms.clock import Clock, Considered, Told, read_clock
from appealbus.plugins.terms.norms import Law, Norm
from appealbus.plugins.terms.reckoning import Term
from appealbus.plugins.terms.story import Noted
from appealbus.plugins.terms.words import Assumption, Label
from appealbus.schemas.base import Word


class UnitWord(Word):
    """Units of terms."""

    WORKING = "working_days"
    CALENDAR = "calendar_days"
    MONTHS = "months"


def as_json(clock: Clock, calendar: Calendar) -> dict[str, Any]:
    """Return a clock with its whole proof as JSON, with a fixed order of keys."""
    return {
        "on": clock.today,
        "outcome": clock.outcome,
        "due_on": clock.here.term.due if clock.here.term is not None else None,
        "first_wrote": clock.first_wrote,
        "working_days_here": clock.days_here,
        "working_days_in_all": clock.days_in_all,
        "considered": [_considered(stay, calendar) for stay in clock.considered],
        "milestones": [
            {
                "what": milestone.what,
                "who": milestone.who,
                "until": milestone.until,
                "article": milestone.cited.ru,
                "article_kk": milestone.cited.kk or None,
                "done": milestone.done,
                "standing": milestone.standing,
            }
            for milestone in clock.milestones
        ],
        "unknown_year": clock.unknown_year,
        "remarks": [_remark(remark) for remark in clock.remarks],
    }


def proof(data: Told, law: Law, today: date) -> dict[str, Any]:
    """Return the whole proof; if the due date is in an unknown year, only that year."""
    try:
        return as_json(read_clock(data, law, today), law.calendar)
    except UnknownYear as error:
        return {"on": today, "due_on": None, "unknown_year": error.year}


def _remark(remark: Noted) -> dict[str, Any]:
    ru, kk = remark.about if isinstance(remark.about, Cited) else (remark.about, "")
    return {"what": remark.what, "day": remark.day, "about": ru, "about_kk": kk or None}


def _considered(stay: Considered, calendar: Calendar) -> dict[str, Any]:
    return {
        "body": stay.body,
        "arrived": stay.arrived,
        "outcome": stay.outcome,
        "ended": stay.ended,
        "register_due_on": stay.due_on,
        "parts": [{"day": day, "body": body} for day, body in stay.parts],
        "term": None if stay.term is None else _term(stay.term, calendar),
    }


def _term(term: Term, calendar: Calendar) -> dict[str, Any]:
    return {
        "norm": _norm(term.norm),
        "norms": term.norms,
        "calendar": term.calendar,
        "registered": term.registered,
        "first_day": term.first,
        "days": [asdict(day) for day in term.days(calendar)],
        "last_day": term.last,
        "moved_to": term.base,
        "extensions": [asdict(extension) for extension in term.lengthened],
        "due_on": term.due,
        "assumed": list(term.assumed),
    }


def _norm(norm: Norm) -> dict[str, Any]:
    return {
        "id": norm.id,
        "article": norm.cited.ru,
        "article_kk": norm.cited.kk or None,
        "source": norm.read_in.ru,
        "source_kk": norm.read_in.kk or None,
        "from": norm.since,
        "until": norm.until,
        "days": norm.days,
        "unit": norm.unit.value,
        "start": norm.start.value,
    }


def lines(clock: Clock, calendar: Calendar, to: Reader, *, every_day: bool) -> Iterator[str]:
    def said(label: Label, text: object) -> str:
        return f"{to.word(label)}: {text}"

    yield said(Label.OUTCOME, to.word(clock.outcome))
    yield said(Label.FIRST_WROTE, to.day(clock.first_wrote))
    if len(clock.considered) > 1:
        yield said(Label.BODIES, " → ".join(stay.body for stay in clock.considered))
        yield said(Label.HERE_SINCE, to.day(clock.here.arrived))
    term = clock.here.term
    if term is not None:
        yield from _of_term(term, clock, calendar, to, every_day=every_day)
    for day, body in clock.here.parts:
        yield said(Label.PART, f"{to.day(day)} → {body}")
    if clock.unknown_year is not None:
        yield said(Label.CALENDAR_LACKS, clock.unknown_year)
    if clock.milestones:
        yield f"{to.word(Label.MILESTONES)}:"
    for milestone in clock.milestones:
        words = f"{to.word(milestone.what)}: {to.word(milestone.who)}, {to.word(milestone.standing)}"
        until = f"  {to.day(milestone.until)}  {words}"
        yield f"{until} ({milestone.cited.to(to)})" + ("" if milestone.done is None else f", {to.day(milestone.done)}")
    if clock.remarks:
        yield f"{to.word(Label.REMARKS)}:"
    for remark in clock.remarks:
        about = remark.about.to(to) if isinstance(remark.about, Cited) else remark.about
        yield f"  {to.day(remark.day)}  {to.word(remark.what)}" + (f" ({about})" if about else "")


def _of_term(term: Term, clock: Clock, calendar: Calendar, to: Reader, *, every_day: bool) -> Iterator[str]:
    def said(label: Label, text: object) -> str:
        return f"{to.word(label)}: {text}"

    norm = term.norm
    length = f"{norm.days} {to.word(UnitWord[norm.unit.name])}"
    yield said(Label.NORM, f"{norm.cited.to(to)}, {length} ({norm.id}; {norm.read_in.to(to)})")
    yield said(Label.REGISTERED, to.day(term.registered))
    yield said(Label.FIRST_DAY, to.day(term.first))
    if every_day:
        yield f"{to.word(Label.DAYS)}:"
        for day in term.days(calendar):
            yield f"  {day.number or '':>3}  {day.day}  {to.word(day.kind)}"
    yield said(Label.LAST_DAY, to.day(term.last) + (f" → {to.day(term.base)}" if term.base != term.last else ""))
    for done in term.lengthened:
        yield f"  {to.word(Label.EXTENDED)} {to.day(done.decided)} → {to.day(done.until)}"
    yield said(Label.DUE, to.day(term.due))
    if clock.here.due_on is not None and clock.here.due_on != term.due:
        yield said(Label.REGISTER_SAYS, to.day(clock.here.due_on))
    if clock.days_here is not None:
        yield said(Label.WORKING_DAYS_HERE, clock.days_here)
    if clock.days_in_all is not None:
        yield said(Label.WORKING_DAYS_IN_ALL, clock.days_in_all)
    yield said(Label.CALENDAR, term.calendar)
    for assumed in term.assumed:
        yield said(Label.ASSUMED, to.word(Assumption.stored(assumed)))
