"""Formats a clock as JSON and as text."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from appealbus.core.language import Reader
from appealbus.plugins.terms.calendar import UnknownYear
from appealbus.plugins.terms.citing import Cited
from appealbus.plugins.terms.clock import Clock, TermInputs, read_clock
from appealbus.plugins.terms.norms import Law, Norm
from appealbus.plugins.terms.reckoning import Term
from appealbus.plugins.terms.words import Assumption, Label
from appealbus.schemas.base import Word


class UnitWord(Word):
    """Units of terms."""

    WORKING = "working_days"
    CALENDAR = "calendar_days"
    MONTHS = "months"


def as_json(clock: Clock) -> dict[str, Any]:
    """Return a clock with its whole proof as JSON, with a fixed order of keys."""
    return dict(_entries(clock))


def proof(data: TermInputs, law: Law, today: date) -> dict[str, Any]:
    """Return the whole proof; if the due date is in an unknown year, only that year."""
    try:
        return as_json(read_clock(data, law, today))
    except UnknownYear as error:
        return {"on": today, "due_on": None, "unknown_year": error.year}


def _entries(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a part that it shows; a citation has one in each language."""
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, Cited):
            yield field.name, value.ru
            yield f"{field.name}_kk", value.kk or None
        elif field.repr:
            yield field.name, _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Norm):
        return _norm(value)
    return dict(_entries(value)) if is_dataclass(value) else value


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


def lines(clock: Clock, to: Reader, *, every_day: bool) -> Iterator[str]:
    def said(label: Label, text: object) -> str:
        return f"{to.word(label)}: {text}"

    yield said(Label.OUTCOME, to.word(clock.outcome))
    yield said(Label.FIRST_WROTE, to.day(clock.first_wrote))
    if len(clock.considered) > 1:
        yield said(Label.BODIES, " → ".join(stay.body for stay in clock.considered))
        yield said(Label.HERE_SINCE, to.day(clock.here.arrived))
    term = clock.here.term
    if term is not None:
        yield from _of_term(term, clock, to, every_day=every_day)
    for part in clock.here.parts:
        yield said(Label.PART, f"{to.day(part.day)} → {part.body}")
    if clock.unknown_year is not None:
        yield said(Label.CALENDAR_LACKS, clock.unknown_year)
    if clock.milestones:
        yield f"{to.word(Label.MILESTONES)}:"
    for milestone in clock.milestones:
        words = f"{to.word(milestone.what)}: {to.word(milestone.who)}, {to.word(milestone.standing)}"
        done = "" if milestone.done is None else f", {to.day(milestone.done)}"
        yield f"  {to.day(milestone.until)}  {words} ({milestone.article.to(to)}){done}"
    if clock.remarks:
        yield f"{to.word(Label.REMARKS)}:"
    for remark in clock.remarks:
        about = remark.about.to(to)
        yield f"  {to.day(remark.day)}  {to.word(remark.what)}" + (f" ({about})" if about else "")


def _of_term(term: Term, clock: Clock, to: Reader, *, every_day: bool) -> Iterator[str]:
    def said(label: Label, text: object) -> str:
        return f"{to.word(label)}: {text}"

    norm = term.norm
    length = f"{norm.days} {to.word(UnitWord[norm.unit.name])}"
    yield said(Label.NORM, f"{norm.cited.to(to)}, {length} ({norm.id}; {norm.read_in.to(to)})")
    yield said(Label.REGISTERED, to.day(term.registered))
    yield said(Label.FIRST_DAY, to.day(term.first_day))
    if every_day:
        yield f"{to.word(Label.DAYS)}:"
        for day in term.days:
            yield f"  {day.number or '':>3}  {day.day}  {to.word(day.kind)}"
    moved = "" if term.moved_to == term.last_day else f" → {to.day(term.moved_to)}"
    yield said(Label.LAST_DAY, to.day(term.last_day) + moved)
    for extension in term.extensions:
        yield f"  {to.word(Label.EXTENDED)} {to.day(extension.decided)} → {to.day(extension.until)}"
    yield said(Label.DUE, to.day(term.due_on))
    if clock.here.register_due_on is not None and clock.here.register_due_on != term.due_on:
        yield said(Label.REGISTER_SAYS, to.day(clock.here.register_due_on))
    if clock.working_days_here is not None:
        yield said(Label.WORKING_DAYS_HERE, clock.working_days_here)
    if clock.working_days_in_all is not None:
        yield said(Label.WORKING_DAYS_IN_ALL, clock.working_days_in_all)
    yield said(Label.CALENDAR, term.calendar)
    for assumed in term.assumed:
        yield said(Label.ASSUMED, to.word(Assumption.stored(assumed)))
