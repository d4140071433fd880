"""What a report counts of one appeal: no person, no text, no number."""

from dataclasses import dataclass
from datetime import date

from appealbus.core import Case
from appealbus.plugins.terms.clock import Told
from appealbus.plugins.terms.story import Body, local_day

_LAST_DAYS = 1
"""Days before the last one that are its last two days together with it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One appeal as reports count it.

    Attributes:
        appeal_id: its id in the journal.
        day: when it was registered, in Kazakhstan: as its sender says, else when the bus got it.
        body: the body that it came to first, by БИН, else by name in small letters; empty: none is told.
        body_name: how that body is called.
        place: КАТО of what it is about.
        category: the code of it, else its name in small letters.
        category_name: what it is called.
        repeat: whether it names earlier appeals.
        state: `considered`, `redirected` or `open`.
        result: of the considered: `satisfied` …, or the kind of change with which it ended.
        due: the last day for an answer.
        days: of the answered: from its registration to the first answer, in days of the calendar.
        late: of the answered: that was after the last day.
        last_two_days: of the answered: that was on the last day or on the one before.
        sent_on: whether the whole of it was ever redirected.
        extended: whether its term was extended.
        reversed: whether it was answered in another way after a complaint.

    """

    appeal_id: int
    day: date
    body: str
    body_name: str
    place: str
    category: str
    category_name: str
    repeat: bool
    state: str
    result: str
    due: date | None
    days: int | None
    late: bool
    last_two_days: bool
    sent_on: bool
    extended: bool
    reversed: bool


def fact_of(case: Case) -> Fact:
    """Return what is counted of a case."""
    appeal, life = case.appeal, Told.of(case).life
    day = local_day(appeal.received_at or case.receipt.accepted_at)
    body, about = Body.of((case.first or appeal).addressee), appeal.category
    code, called = (about.code or "", about.name or "") if about else ("", "")
    due = appeal.due_on or case.due_on
    stay, answered = life.last, life.last.answered
    considered, sent_on = stay.ended is not None, any(each.sent for each in life.stays)
    left = None if due is None or answered is None else (due - answered).days
    return Fact(
        case.appeal_id,
        day,
        body.bin or body.name.casefold(),
        body.name,
        ((appeal.place.kato or "") if appeal.place else "").strip(),
        code.strip() or called.strip().casefold(),
        called.strip(),
        bool(appeal.repeats),
        "considered" if considered else "redirected" if sent_on else "open",
        stay.outcome.value if considered else "",
        due,
        None if answered is None else max(0, (answered - day).days),
        left is not None and left < 0,
        left is not None and 0 <= left <= _LAST_DAYS,
        sent_on,
        any(each.extensions for each in life.stays),
        life.reversed,
    )
