"""Rebuilds the life of an appeal from its changes, which may be unordered, repeated or contradictory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from appealbus.core import KeptChange
from appealbus.core.clocks import day_of
from appealbus.plugins.terms.citing import Cited
from appealbus.plugins.terms.norms import level_of
from appealbus.plugins.terms.words import Outcome, Remark
from appealbus.schemas.appeal import Addressee
from appealbus.schemas.change import AnswerResult, Change, ChangeKind

_BY_RESULT = {word.value: Outcome(word.value) for word in AnswerResult}
_MOVES = frozenset({ChangeKind.REDIRECTED, ChangeKind.REGISTERED})
_WAY = 12
"""Maximum number of bodies of a long way that are named."""
_UNNAMED = "?"
"""Name of an unknown body."""
FAVOURABLE = frozenset({Outcome.SATISFIED, Outcome.PARTLY_SATISFIED})
"""Outcomes that must be executed (art. 86)."""


@dataclass(frozen=True, slots=True)
class Body:
    name: str = ""
    bin: str = ""

    @classmethod
    def of(cls, addressee: Addressee | None) -> "Body":
        if addressee is None:
            return cls()
        return cls((addressee.name or "").strip(), (addressee.bin or "").strip())

    def differs(self, other: "Body") -> bool:
        """Whether it is certainly another body: a different name alone may be the same body."""
        if self.bin and other.bin:
            return self.bin != other.bin
        return bool(self.name and other.name) and self.name.casefold() != other.name.casefold()

    def __str__(self) -> str:
        return self.name or self.bin or _UNNAMED


@dataclass(frozen=True, slots=True)
class Noted:
    what: Remark
    day: date
    about: Cited
    """A kind of change, a body, a day or a norm; never the applicant."""


def noted(what: Remark, day: date, about: object = "") -> Noted:
    return Noted(what, day, about if isinstance(about, Cited) else Cited(str(about), ""))


@dataclass(frozen=True, slots=True)
class Extension:
    day: date
    until: date | None
    """New last day; None if the register does not give it."""


@dataclass(slots=True)
class Stay:
    """One consideration: from arrival at a body to the decision or the redirect."""

    body: Body
    arrived: datetime
    registered: datetime | None = None
    """Registration there; None if unknown."""
    level: str = ""
    """Of the body, `central` or `local`; empty for the first addressee."""
    extensions: list[Extension] = field(default_factory=list)
    parts: list[tuple[date, Body]] = field(default_factory=list)
    """Parts that were sent to other bodies."""
    due_on: date | None = None
    """Due date given by the register."""
    preliminary: date | None = None
    notified: list[date] = field(default_factory=list)
    outcome: Outcome = Outcome.OPEN
    ended: date | None = None
    """The first day of this end."""
    answered: date | None = None
    """Day of the first answer; silence is none."""
    decision: tuple[date, Change] | None = None
    """The deciding change and its day; None: it is open, or the appeal was redirected."""
    sent: bool = False
    """Whether it arrived by a redirect."""


@dataclass(slots=True)
class Life:
    """All considerations of an appeal, the newest last, and later events."""

    stays: list[Stay]
    remarks: list[Noted] = field(default_factory=list)
    complained: list[date] = field(default_factory=list)
    executed: date | None = None
    answer: Outcome | None = None
    """The newest answer; silence is none."""
    complained_of: set[Outcome] = field(default_factory=set)
    """Answers that a complaint was made about."""
    reversed: bool = False
    """Whether an answer was changed after a complaint."""

    @property
    def last(self) -> Stay:
        return self.stays[-1]

    def note(self, what: Remark, day: date, about: object = "") -> None:
        self.remarks.append(noted(what, day, about))


def rebuild(arrived: datetime, body: Body, changes: Iterable[KeptChange], *, certain: bool = True) -> Life:
    """Rebuild a life from changes; their order does not matter.

    Args:
        arrived: when the appeal came.
        body: its addressee.
        changes: all changes.
        certain: whether the sender gave the arrival; else an earlier registration replaces it.
    """
    ordered = list(_once(sorted(changes, key=lambda kept: kept.order)))
    first = next((at for at, _, change in ordered if change.kind is ChangeKind.REGISTERED), None)
    if first is not None and not certain:
        arrived = min(arrived, first)
    life, arrival = Life([Stay(body, arrived)]), day_of(arrived)
    for at, day, change in ordered:
        if day < arrival:
            about = change.kind or ""
            early = change.kind is ChangeKind.REGISTERED
            life.note(Remark.REGISTERED_EARLY if early else Remark.BEFORE_ARRIVAL, day, "" if early else about)
        take = _TAKE.get(change.kind) if change.kind is not None else None
        if take is not None:
            take(life, at, day, change)
    return life


def _once(changes: Iterable[KeptChange]) -> Iterator[tuple[datetime, date, Change]]:
    """Yield changes with their days, without repetitions: those with equal content, whatever their id.

    If the appeal has meanwhile returned to the same body, a second redirect or registration is no repetition.
    """
    seen: set[Any] = set()
    moves, moved = 0, None
    for kept in changes:
        change, day = kept.change, day_of(kept.dated_at)
        to = None if change.to is None else (change.to.bin, change.to.name)
        said: Any = (change.kind, day, change.due_on, to, change.part, change.result, change.answered_on)
        if change.kind is ChangeKind.REDIRECTED and not change.part:
            if said == moved:
                continue
            moves, moved = moves + 1, said
        if change.kind in _MOVES:
            said = (moves, *said)
        if said not in seen:
            seen.add(said)
            yield kept.dated_at, day, change


def _open(life: Life, day: date, change: Change) -> bool:
    """Whether the consideration is open; later changes are remarked."""
    if life.last.ended is not None:
        life.note(Remark.AFTER_END, day, change.kind or "")
    return life.last.ended is None


def _registered(life: Life, at: datetime, day: date, change: Change) -> None:
    stay, body = life.last, Body.of(change.to)
    if stay.body.differs(body):
        if any(_same(to, body) for other in life.stays for _, to in other.parts):
            return  # a part that went there is another procedure; what is left goes on here
        before = life.stays[-2] if len(life.stays) > 1 else None
        if before is not None and before.ended == day and before.registered is None and _same(before.body, body):
            before.registered = at  # registers tell many days without the time, so what came first may come second
            return
        life.note(Remark.REGISTERED_ELSEWHERE, day, body)
        if stay.ended is None:
            stay.outcome, stay.ended = Outcome.MOVED, day
        life.stays.append(Stay(body, at, at, level_of(change.to)))
    elif stay.registered is None:
        stay.registered = at
        stay.body = stay.body if str(stay.body) != _UNNAMED else body
    elif day_of(stay.registered) != day:
        life.note(Remark.REGISTERED_TWICE, day)


def _directed(life: Life, at: datetime, day: date, change: Change) -> None:
    if _open(life, day, change) and str(life.last.body) == _UNNAMED:
        life.last.body = Body.of(change.to)


def _redirected(life: Life, at: datetime, day: date, change: Change) -> None:
    stay, body = life.last, Body.of(change.to)
    is_open = _open(life, day, change)
    if change.part:
        stay.parts.append((day, body))
    elif change.to is not None and str(stay.body) != _UNNAMED and _same(stay.body, body):
        before = life.stays[-2] if len(life.stays) > 1 else None
        if before is not None and before.outcome is Outcome.MOVED and before.ended == day:
            before.outcome, stay.sent = Outcome.REDIRECTED, True  # that is how it came there on this day
            life.remarks.remove(noted(Remark.REGISTERED_ELSEWHERE, day, stay.body))
        else:
            life.note(Remark.REDIRECTED_TO_ITSELF, day, body)
    else:
        if is_open:
            stay.outcome, stay.ended = Outcome.REDIRECTED, day
        life.stays.append(Stay(body, at, sent=True))


def _same(one: Body, other: Body) -> bool:
    known = (one.bin and other.bin) or (one.name and other.name)
    return bool(known) and not one.differs(other)


def _goes_on(life: Life, day: date, change: Change) -> None:
    if not _open(life, day, change):  # whoever gives it a term considers it again
        life.last.outcome, life.last.ended, life.last.answered = Outcome.OPEN, None, None
        life.last.decision = None


def _extended(life: Life, at: datetime, day: date, change: Change) -> None:
    _goes_on(life, day, change)
    life.last.extensions.append(Extension(day, change.due_on))


def _due(life: Life, at: datetime, day: date, change: Change) -> None:
    _goes_on(life, day, change)
    life.last.due_on = change.due_on


def _preliminary(life: Life, at: datetime, day: date, change: Change) -> None:
    if _open(life, day, change):
        life.last.preliminary = life.last.preliminary or day


def _notified(life: Life, at: datetime, day: date, change: Change) -> None:
    life.last.notified.append(day)


def _decided(life: Life, at: datetime, day: date, change: Change) -> None:
    stay = life.last
    match change.kind:
        case ChangeKind.WITHDRAWN:
            outcome = Outcome.WITHDRAWN
        case ChangeKind.CLOSED:
            outcome = Outcome.CLOSED
        case _:
            outcome = _BY_RESULT.get(str(change.result), Outcome.ANSWERED)
    if stay.ended is not None and outcome is Outcome.WITHDRAWN:
        life.note(Remark.WITHDRAWN_LATE, day)  # art. 64 ¶9: before the decision alone
        return
    if stay.ended is not None and outcome is Outcome.CLOSED:
        return  # a register closes what it has decided: that stays decided so
    was_closed = stay.outcome is Outcome.CLOSED and stay.ended == day  # on one day a decision comes before its closing
    if stay.ended is not None and outcome is not stay.outcome and not was_closed:
        life.note(Remark.ENDED_TWICE, day, outcome)
    answered = change.answered_on or day
    stay.outcome, stay.decision = outcome, (answered, change)
    stay.ended = stay.ended or answered
    if change.kind is ChangeKind.ANSWERED and outcome is not Outcome.SILENCE:
        stay.answered = stay.answered or answered
        life.answer = outcome
        if outcome is not Outcome.ANSWERED:
            life.reversed = life.reversed or bool(life.complained_of - {outcome})


def _complained(life: Life, at: datetime, day: date, change: Change) -> None:
    life.complained.append(day)
    if (
        life.answer is not None and life.answer is not Outcome.ANSWERED
    ):  # of that one nobody knows whether a later one differs
        life.complained_of.add(life.answer)


def _executed(life: Life, at: datetime, day: date, change: Change) -> None:
    if life.last.outcome not in FAVOURABLE:
        life.note(Remark.EXECUTED_WITHOUT_DECISION, day)
    life.executed = life.executed or day


_TAKE: dict[ChangeKind, Callable[[Life, datetime, date, Change], None]] = {
    ChangeKind.REGISTERED: _registered,
    ChangeKind.DIRECTED: _directed,
    ChangeKind.REDIRECTED: _redirected,
    ChangeKind.EXTENDED: _extended,
    ChangeKind.DUE: _due,
    ChangeKind.PRELIMINARY: _preliminary,
    ChangeKind.NOTIFIED: _notified,
    ChangeKind.ANSWERED: _decided,
    ChangeKind.WITHDRAWN: _decided,
    ChangeKind.CLOSED: _decided,
    ChangeKind.COMPLAINED: _complained,
    ChangeKind.EXECUTED: _executed,
}


def find_ping_pong(life: Life) -> Iterator[Noted]:
    """Yield each body that an appeal returned to after another one, with its way."""
    known: dict[str, int] = {}
    for at, stay in enumerate(life.stays):
        names = [name for name in (stay.body.bin, stay.body.name.casefold()) if name]
        before = max((known[name] for name in names if name in known), default=None)
        if before is not None and before < at - 1 and _same(life.stays[before].body, stay.body):
            way = [str(other.body) for other in life.stays[: at + 1]]
            shown = way if len(way) <= _WAY else ["…", *way[-_WAY:]]
            yield noted(Remark.PING_PONG, day_of(stay.arrived), " → ".join(shown))
        known |= dict.fromkeys(names, at)
