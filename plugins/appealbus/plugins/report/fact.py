"""One appeal as reports count it: no person, no text, no number."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.core.management.appeals import Outline, plausible
from appealbus.plugins.report.counted import CAME_TO, COUNTED, CountedAppeal
from appealbus.plugins.report.matters import Mark, matters_of
from appealbus.plugins.terms.story import Body, rebuild
from appealbus.schemas.address import Address
from appealbus.schemas.change import AnswerResult, ChangeKind
from appealbus.schemas.identifiers import parse_kato, parse_or_none
from appealbus.schemas.record import Record

DISTRICT = 4
"""Digits of a district in КАТО."""
_A_DISTRICT = re.compile(r"[0-9]{2}(?!00)[0-9]{2}0{5}")
_NAME = 100
"""Maximum length of a name."""
District = tuple[str, str, str]
"""Code, Russian name and Kazakh name of a district."""
_BY_A_PERSON = frozenset(
    {
        ChangeKind.DIRECTED,
        ChangeKind.REDIRECTED,
        ChangeKind.EXTENDED,
        ChangeKind.PRELIMINARY,
        ChangeKind.NOTIFIED,
        ChangeKind.ANSWERED,
        ChangeKind.CLOSED,
    }
)
"""Steps of a review by a person. Registration, actions of applicants and dates are none."""

_LAST_DAYS = 1
"""Days before the last one that belong to the "last two days"."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One appeal as reports count it.

    Attributes:
        appeal_id: its id in the journal.
        day: of registration, in Kazakhstan: from the sender, else when the bus accepted it.
        body: the first body, by БИН, else by name in lower case; empty if unknown.
        body_name: name of that body.
        kind: of the appeal; empty if unknown.
        place: КАТО of its subject, normalised if possible.
        category: its code, else its name in lower case.
        category_name: its name.
        repeat: whether it names earlier appeals.
        state: `considered`, `redirected` or `open`.
        result: if considered: `satisfied` …, or the kind of the final change.
        due: last day for an answer.
        answered: day of the first answer since it was last reopened.
        days: if answered: calendar days from registration to the first answer.
        late: if answered: after the last day.
        last_two_days: if answered: on the last day or the one before.
        sent_on: whether it was ever redirected as a whole.
        extended: whether its term was extended.
        reversed: whether the answer was changed after a complaint.
        reviewed: whether a person has begun to review it.
        complete_before: whether its dossier was complete by then.
        waited: if so: seconds from acceptance by the bus to the complete dossier.
        records: if so: number of records in the dossier.
        known: whether its matter can be identified.
        matters: pseudonymous marks of its matters.
        districts: names of districts from its records.
    """

    appeal_id: int
    day: date
    body: str
    body_name: str
    kind: str
    place: str
    category: str
    category_name: str
    repeat: bool
    state: str
    result: str
    due: date | None
    answered: date | None
    days: int | None
    late: bool
    last_two_days: bool
    sent_on: bool
    extended: bool
    reversed: bool
    reviewed: bool
    complete_before: bool
    waited: int
    records: int
    known: bool
    matters: tuple[bytes, ...] = ()
    districts: tuple[District, ...] = ()


def fact_of(outline: Outline, mark: Mark, districts: Iterable[District] = ()) -> Fact:
    """Derive the fact of an appeal, with hashes by `mark`; raise ValueError if the appeal is damaged."""
    appeal = COUNTED.read(outline.appeal)
    accepted, arrived = outline.accepted_at, plausible(appeal.received_at, outline.accepted_at)
    day = day_of(arrived or accepted)
    body = Body.of(appeal.addressee if outline.first is None else CAME_TO.read(outline.first).addressee)
    life = rebuild(arrived or accepted, body, outline.changes, certain=arrived is not None)
    category, called = _category(appeal)
    due = appeal.due_on or outline.due_on
    stay, answered = life.last, life.last.answered
    considered, sent_on = stay.ended is not None, any(stay.sent for stay in life.stays)
    left = None if due is None or answered is None else (due - answered).days
    reviewed = _first_step(outline)
    done = outline.completed_at
    ready = done if done is not None and reviewed is not None and done < reviewed else None
    matters = matters_of(appeal, category, mark)
    return Fact(
        appeal_id=outline.appeal_id,
        day=day,
        body=body.bin or body.name.casefold(),
        body_name=body.name,
        kind=appeal.kind or "",
        place=_place(appeal),
        category=category,
        category_name=called,
        repeat=bool(appeal.repeats),
        state="considered" if considered else "redirected" if sent_on else "open",
        result=stay.outcome.value if considered else "",
        due=due,
        answered=answered,
        days=None if answered is None else max(0, (answered - day).days),
        late=left is not None and left < 0,
        last_two_days=left is not None and 0 <= left <= _LAST_DAYS,
        sent_on=sent_on,
        extended=any(stay.extensions for stay in life.stays),
        reversed=life.reversed,
        reviewed=reviewed is not None,
        complete_before=ready is not None,
        waited=0 if ready is None else max(0, round((ready - accepted).total_seconds())),
        records=0 if ready is None else len(outline.found),
        known=bool(matters),
        matters=matters,
        districts=tuple(districts),
    )


def _category(appeal: CountedAppeal) -> tuple[str, str]:
    """Return code and name of the category; without a code, its name in lower case."""
    about = appeal.category
    code, called = ((about.code or "").strip(), (about.name or "").strip()) if about else ("", "")
    return code or called.casefold(), called


def _place(appeal: CountedAppeal) -> str:
    written = ((appeal.place.kato or "") if appeal.place else "").strip()
    return parse_or_none(parse_kato, written) or written


def _first_step(outline: Outline) -> datetime | None:
    """Return the time of a person's first step; if only the day is known, its start."""
    steps = []
    for change in outline.changes:
        if change.change.kind in _BY_A_PERSON and change.change.result is not AnswerResult.SILENCE:
            steps.append(change.dated_at)
            if change.change.answered_on is not None:  # a register may tell of an answer days later
                steps.append(datetime.combine(change.change.answered_on, time.min, KAZAKHSTAN))
    return min(steps, default=None)


def districts_of(record: Record) -> Iterator[District]:
    for part in record.parts if isinstance(record, Address) else ():
        code = part.kato or ""
        if _A_DISTRICT.fullmatch(code):
            yield code[:DISTRICT], (part.name_ru or "")[:_NAME], (part.name_kk or "")[:_NAME]
