"""What a report counts of one appeal: no person, no text, no number."""

from dataclasses import dataclass
from datetime import date, datetime

from appealbus.core import Case
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.schemas.change import Change, ChangeKind

_ENDS = frozenset({ChangeKind.ANSWERED, ChangeKind.WITHDRAWN, ChangeKind.CLOSED})
_GOES_ON = frozenset({ChangeKind.DUE, ChangeKind.EXTENDED, ChangeKind.REDIRECTED})
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
    appeal, story = case.appeal, _Story(case)
    day = (appeal.received_at or case.receipt.accepted_at).astimezone(KAZAKHSTAN).date()
    to, about = (case.first or appeal).addressee, appeal.category
    name, its_bin = (to.name or "", to.bin or "") if to else ("", "")
    code, called = (about.code or "", about.name or "") if about else ("", "")
    due = appeal.due_on or case.due_on
    answered = story.answered
    left = None if due is None or answered is None else (due - answered).days
    return Fact(
        case.appeal_id,
        day,
        its_bin.strip() or name.strip().casefold(),
        name.strip(),
        ((appeal.place.kato or "") if appeal.place else "").strip(),
        code.strip() or called.strip().casefold(),
        called.strip(),
        bool(appeal.repeats),
        "considered" if story.ended else "redirected" if story.sent_on else "open",
        story.result,
        due,
        None if answered is None else max(0, (answered - day).days),
        left is not None and left < 0,
        left is not None and 0 <= left <= _LAST_DAYS,
        story.sent_on,
        story.extended,
        story.reversed,
    )


class _Story:
    """What the changes of a case come to, in the order in which they count."""

    def __init__(self, case: Case) -> None:
        self.ended: date | None = None
        self.answered: date | None = None
        """The day of the first answer, since it was last taken up."""
        self.result = ""
        self.sent_on = self.extended = self.reversed = False
        answer = ""
        against: set[str] = set()
        for kept in sorted(case.kept_changes, key=lambda each: each.order):
            change = kept.change
            if change.kind in _ENDS:
                self._end(change, kept.dated_at)
            elif change.kind in _GOES_ON and not change.part:
                self.ended = self.answered = None
                self.result = ""
            if change.kind is ChangeKind.REDIRECTED and not change.part:
                self.sent_on = True
            if change.kind is ChangeKind.EXTENDED:
                self.extended = True
            if change.kind is ChangeKind.COMPLAINED:
                against |= {answer} - {""}
            if change.kind is ChangeKind.ANSWERED:
                self.reversed = self.reversed or bool(against - {self.result})
                answer = self.result

    def _end(self, change: Change, at: datetime) -> None:
        """Take an end: the first day counts, and the last answer; withdrawn or closed after one it stays decided."""
        if self.answered is not None and change.kind is not ChangeKind.ANSWERED:
            return
        day = change.answered_on or at.astimezone(KAZAKHSTAN).date()
        self.ended = self.ended or day
        self.result = str(change.result or change.kind)
        if change.kind is ChangeKind.ANSWERED:
            self.answered = self.answered or day
