"""The clock of one appeal: its terms here and in all, milestones, and who must act."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from appealbus.core import Case, KeptChange
from appealbus.core.clocks import day_of
from appealbus.core.management.appeals import plausible
from appealbus.plugins.terms.calendar import UnknownYear
from appealbus.plugins.terms.citing import CODE, Cited, CitedPlace, cite
from appealbus.plugins.terms.norms import Law, level_of
from appealbus.plugins.terms.reckoning import Term, due_of, reckon
from appealbus.plugins.terms.story import FAVOURABLE, Body, Life, Noted, Stay, find_ping_pong, noted, rebuild
from appealbus.plugins.terms.words import Actor, Duty, Outcome, Remark, TermState
from appealbus.schemas.appeal import Appeal, AppealKind

T = TypeVar("T")

EXTENSION_CITED = cite(CODE, [CitedPlace(article="76", part="3")])
_ARRIVED = "received_at"
_NAMES = re.compile(r"[a-z_]+(?=, |\?$)")
_HANDED_ON = frozenset({Outcome.REDIRECTED, Outcome.MOVED})


@dataclass(frozen=True, slots=True)
class Milestone:
    what: Duty
    who: Actor
    until: date
    article: Cited
    done: date | None
    standing: TermState


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that was sent to another body."""

    day: date
    body: str


@dataclass(frozen=True, slots=True)
class Considered:
    body: str
    arrived: date
    outcome: Outcome
    ended: date | None
    register_due_on: date | None
    """Due date given by the register."""
    parts: tuple[SentPart, ...]
    term: Term | None
    """None: no norm applies to its day, or (of an earlier one) the calendar lacks the year."""


@dataclass(frozen=True, slots=True)
class Clock:
    """State of an appeal's terms on a day; its fields, and theirs, are those of the JSON.

    Attributes:
        on: the day.
        outcome: state of the newest consideration; `silence` if its term has ended without a decision.
        due_on: of the newest consideration; None: no norm applies.
        first_wrote: day on which the citizen first wrote.
        working_days_here: since the first counted day here, up to today or the term's end.
        working_days_in_all: the same since the first counted day anywhere.
        considered: all considerations, the newest last.
        milestones: of the newest consideration, the next first.
        unknown_year: the first missing year because of which something is left out; the working days are None if it is
            one of theirs.
        remarks: contradictions and breaches of the law, by day.
    """

    on: date
    outcome: Outcome
    due_on: date | None
    first_wrote: date
    working_days_here: int | None
    working_days_in_all: int | None
    considered: tuple[Considered, ...]
    milestones: tuple[Milestone, ...]
    unknown_year: int | None
    remarks: tuple[Noted, ...]

    @property
    def here(self) -> Considered:
        return self.considered[-1]


@dataclass(frozen=True, slots=True)
class TermInputs:
    """The appeal's data, from which its clock is computed."""

    appeal: Appeal
    first: Appeal
    """The form that was accepted."""
    accepted_at: datetime
    """When the bus accepted it; the arrival, if the sender gave none."""
    changes: Sequence[KeptChange] = ()

    @classmethod
    def of(cls, case: Case) -> "TermInputs":
        return cls(case.appeal, case.first or case.appeal, case.receipt.accepted_at, case.kept_changes)

    @property
    def arrived(self) -> datetime | None:
        """Arrival as the sender gave it; None if it is absent or impossible."""
        return plausible(self.appeal.received_at, self.accepted_at)

    @property
    def life(self) -> Life:
        arrived = self.arrived
        life = rebuild(
            arrived or self.accepted_at, Body.of(self.first.addressee), self.changes, certain=arrived is not None
        )
        said = self.appeal.received_at is not None
        # Or under a name that is near: the warning of what is unknown ends with the names that may be meant.
        said = said or any(
            _ARRIVED in (warning.field, *_NAMES.findall(warning.message)) for warning in self.appeal.warnings
        )
        if arrived is None and said:
            life.note(Remark.ARRIVAL_UNREADABLE, day_of(self.accepted_at))
        return life


def due_on(data: TermInputs, law: Law) -> date | None:
    """Return the legal due date for the current body; None if no norm applies. Raise UnknownYear outside the
    calendar."""
    if not data.changes:
        return law.due_of(data.appeal.kind, level_of(data.appeal.addressee), data.arrived or data.accepted_at)
    return due_of(data.life.last, data.appeal.kind, level_of(data.appeal.addressee), law)


def read_clock(data: TermInputs, law: Law, today: date) -> Clock:
    """Return the state of an appeal's terms on a day.

    Raises UnknownYear if the calendar does not cover the newest term. Other values in an unknown year are left out, and
    the year is reported.
    """
    life, appeal = data.life, data.appeal
    if len(life.stays) == 1 and life.last.due_on is None:
        life.last.due_on = appeal.due_on
    level = level_of(appeal.addressee)
    left_out = _LeftOut()
    terms: list[Term | None] = []
    for at, stay in enumerate(life.stays[:-1]):
        then = stay.level or level_of(data.first.addressee)
        terms.append(left_out.unless(partial(reckon, stay, appeal.kind, then, law, redirected=at > 0)))
    terms.append(reckon(life.last, appeal.kind, level, law, redirected=len(life.stays) > 1))
    known = [term for term in terms if term is not None]
    remarks = [
        *life.remarks,
        *find_ping_pong(life),
        *(remark for term in known for remark in term.remarks),
        *_odd(life, terms, law),
    ]
    stay, term = life.last, terms[-1]
    outcome = stay.outcome
    if outcome is Outcome.OPEN and term is not None and term.due_on < today:
        outcome = Outcome.SILENCE
    considered = [
        Considered(str(stay.body), day_of(stay.arrived), stay.outcome, stay.ended, stay.due_on, _parts(stay), reckoned)
        for stay, reckoned in zip(life.stays, terms, strict=True)
    ]
    considered[-1] = replace(considered[-1], outcome=outcome)
    until = stay.ended or today
    milestones = _milestones(life, term, law, (today, left_out), appeal.kind)

    def worked(since: date | None) -> int | None:
        return 0 if since is None else left_out.unless(partial(law.calendar.count, since, until))

    working_days_here = worked(None if term is None else term.first_day)
    working_days_in_all = worked(min((term.first_day for term in known), default=None))
    return Clock(
        on=today,
        outcome=outcome,
        due_on=None if term is None else term.due_on,
        first_wrote=min([day_of(life.stays[0].arrived), *(term.registered for term in known)]),
        working_days_here=working_days_here,
        working_days_in_all=working_days_in_all,
        considered=tuple(considered),
        milestones=tuple(sorted(milestones, key=lambda milestone: milestone.until)),
        unknown_year=left_out.year,
        remarks=tuple(sorted(remarks, key=lambda remark: (remark.day, remark.what, remark.about))),
    )


class _LeftOut:
    """Collects values that need an unknown year."""

    year: int | None = None

    def unless(self, count: Callable[[], T]) -> T | None:
        """Return a value; None if it needs an unknown year, which is recorded."""
        try:
            return count()
        except UnknownYear as error:
            self.year = error.year if self.year is None else min(self.year, error.year)
            return None


def _parts(stay: Stay) -> tuple[SentPart, ...]:
    return tuple(SentPart(day, str(body)) for day, body in stay.parts)


def _odd(life: Life, terms: list[Term | None], law: Law) -> Iterator[Noted]:
    """Yield remarks where the story contradicts its terms."""
    for stay, term in zip(life.stays, terms, strict=True):
        if term is None:
            continue
        norm = law.norms.find(Duty.REDIRECT, term.registered)
        away = [day for day, _ in stay.parts] + ([stay.ended] if stay.ended and stay.outcome in _HANDED_ON else [])
        if norm is not None and away:
            until = law.end_of(norm, term.registered)
            yield from (noted(Remark.REDIRECTED_LATE, day) for day in away if day > until)
        if stay.ended is None or stay.outcome in _HANDED_ON:
            continue
        if stay.outcome is Outcome.SILENCE:
            if stay.ended <= term.due_on:
                yield noted(Remark.SILENCE_EARLY, stay.ended, term.due_on)
        elif stay.ended > term.due_on:
            yield noted(Remark.ANSWERED_LATE, stay.ended, term.due_on)
    stay, term = life.last, terms[-1]
    for day in life.complained:
        decided = stay.ended is not None and stay.ended <= day
        if term is not None and not decided and day <= term.due_on:
            yield noted(Remark.COMPLAINED_EARLY, day, term.due_on)


def _milestones(
    life: Life, term: Term | None, law: Law, on: tuple[date, _LeftOut], kind: AppealKind | None
) -> Iterator[Milestone]:
    if term is None:
        return
    today, left_out = on
    stay, norms, calendar = life.last, law.norms, law.calendar

    def made(what: Duty, who: Actor, until: date, cited: Cited, done: date | None) -> Milestone:
        if done is None:
            standing = TermState.OPEN if today <= until else TermState.LATE
        else:
            standing = TermState.DONE if done <= until else TermState.DONE_LATE
        return Milestone(what, who, until, cited, done, standing)

    def after(what: Duty, day: date, done: date | None) -> Iterator[Milestone]:
        norm = norms.find(what, day)
        until = None if norm is None else left_out.unless(partial(law.end_of, norm, day))
        if norm is not None and until is not None:
            yield made(what, norm.who, until, norm.cited, done)

    if stay.ended is None:
        early = [Duty.REDIRECT, *([Duty.COMPLAINT_FORWARDING] if kind is AppealKind.COMPLAINT else [])]
        for milestone in (milestone for duty in early for milestone in after(duty, term.registered, None)):
            # Once the time for a redirect is over, the appeal stays here; a complaint has to go on all the same.
            goes_on = today <= milestone.until or milestone.what is Duty.COMPLAINT_FORWARDING
            if milestone.until < term.due_on and goes_on:
                yield milestone
        if term.norm.extend_months and not stay.extensions and today <= term.due_on:
            yield made(Duty.EXTENSION, Actor.HEAD, term.due_on, EXTENSION_CITED, None)
    norm = norms.find(Duty.PRELIMINARY, term.registered, kind)
    asked = norm is not None and calendar.count(term.first_day, term.moved_to) >= norm.least_term
    if norm is not None and asked and (stay.ended is None or stay.preliminary is not None):
        yield made(Duty.PRELIMINARY, norm.who, calendar.before(term.due_on, norm.days), norm.cited, stay.preliminary)
    if stay.preliminary is not None:  # objections may come, and nothing tells whether they did
        yield from (mark for mark in after(Duty.OBJECTIONS, stay.preliminary, None) if today <= mark.until)
    for done in term.extensions:
        yield from after(Duty.EXTENSION_NOTICE, done.decided, _first_from(stay.notified, done.decided))
    yield made(Duty.TERM, Actor.EXECUTOR, term.due_on, term.norm.cited, stay.ended)
    if stay.ended is not None:
        yield from _after_the_end(life, stay, stay.ended, after)
    elif term.due_on < today:  # silence is a refusal (art. 91 ¶2)
        yield from _after_the_end(life, stay, term.due_on, after)
    for day in life.complained:
        yield from after(Duty.COMPLAINT_FORWARDING, day, None)


def _after_the_end(
    life: Life, stay: Stay, ended: date, after: Callable[[Duty, date, date | None], Iterator[Milestone]]
) -> Iterator[Milestone]:
    if stay.outcome in FAVOURABLE:
        yield from after(Duty.EXECUTION, ended, life.executed)
    if stay.outcome in (Outcome.TERMINATED, Outcome.CLOSED):
        yield from after(Duty.TERMINATION_NOTICE, ended, _first_from(stay.notified, ended))
    if stay.outcome not in (Outcome.WITHDRAWN, *_HANDED_ON):
        yield from after(Duty.COMPLAINT_FILING, ended, _first_from(life.complained, ended))


def _first_from(days: Iterable[date], since: date) -> date | None:
    return min((day for day in days if day >= since), default=None)
