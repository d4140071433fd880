"""The first lines of a dossier: the applicant, the deadline, and the worst signals."""

from collections.abc import Sequence
from datetime import date

from rich.text import Text

from appealbus.core.clocks import day_of, wall
from appealbus.core.domain.case import NOTHING_TO_ASK
from appealbus.core.domain.pauses import PROVISIONAL
from appealbus.core.escaping import one_line
from appealbus.core.language import Reader
from appealbus.schemas.appeal import OrganisationApplicant, PersonApplicant
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.dossier import Completeness, Dossier, Gap
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.person import Person
from appealbus.schemas.signal import Severity, Signal

SEVERITY = {"info": "cyan", "warning": "yellow", "critical": "bold red"}
_COMPLETENESS = {"partial": "yellow", "complete": "green", "settled": "red"}
_WORST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
_ENDS = frozenset({ChangeKind.ANSWERED, ChangeKind.WITHDRAWN, ChangeKind.CLOSED})
_SOON = 3
"""Days before the due date from which it is highlighted: an appeal may be redirected within three working days."""


def heading(dossier: Dossier, to: Reader, counted: date | None = None) -> list[Text]:
    """Return the three lines. `counted` replaces a due date missing from the register."""
    return [_who(dossier, to), _due(dossier, to, counted), _worst(dossier, to)]


def worst_first(signals: Sequence[Signal]) -> list[Signal]:
    """Sort signals by severity; unknown severities of later releases come last."""
    order = {severity: place for place, severity in enumerate(_WORST)}
    return sorted(signals, key=lambda signal: order.get(signal.severity, len(order)))


def _who(dossier: Dossier, to: Reader) -> Text:
    state = dossier.completeness
    return Text.assemble(
        (one_line(dossier.number), "bold"),
        "  ",
        (one_line(", ".join(_applicant(dossier, to))), "bold"),
        "  " + to.say("version {version}", version=dossier.version) + "  ",
        (one_line(to.word(state)), _COMPLETENESS.get(state.value, "bold")),
    )


def _applicant(dossier: Dossier, to: Reader) -> list[str]:
    """Return the applicant's name and number. A missing name comes from the register of persons."""
    match dossier.appeal.applicant:
        case PersonApplicant() as person:
            people = (fact.record for fact in dossier.facts if isinstance(fact.record, Person))
            named = person if person.surname else next((other for other in people if other.iin == person.iin), person)
            name = " ".join(part for part in (named.surname, named.name, named.patronymic) if part)
            number = f"{to.field('iin')} {person.iin}" if person.iin else ""
        case OrganisationApplicant() as organisation:
            name = organisation.organisation_name or ""
            number = f"{to.field('bin')} {organisation.bin}" if organisation.bin else ""
        case _:
            name = number = ""
    return [part for part in (name, number) if part] or [to.say("no applicant is named")]


def _due(dossier: Dossier, to: Reader, counted: date | None) -> Text:
    accepted = to.say(
        "accepted {moment} by {whom}",
        moment=to.moment(dossier.receipt.accepted_at, seconds=False),
        whom=dossier.receipt.accepted_by,
    )
    due = dossier.appeal.due_on or counted
    if due is None:
        return Text(one_line(to.say("no due date") + f"; {accepted}"))
    said, style = to.say("due {day}", day=to.day(due)), ""
    ended = next((change for change in reversed(dossier.changes) if change.kind in _ENDS), None)
    if ended is not None:
        said += f"; {to.word(ended.kind)} {to.day(day_of(ended.dated_at))}"
    else:
        left = (due - day_of(wall())).days
        said += ", " + _left(left, to)
        style = "bold red" if left < 0 else "yellow" if left <= _SOON else ""
    return Text.assemble((one_line(said), style), f"; {one_line(accepted)}")


def _left(days: int, to: Reader) -> str:
    if days == 0:
        return to.say("today")
    if days < 0:
        return to.say_n("overdue by {n} day", "overdue by {n} days", -days)
    return to.say_n("{n} day left", "{n} days left", days)


def _worst(dossier: Dossier, to: Reader) -> Text:
    signals = worst_first(dossier.signals)
    if signals:
        worst, more = signals[0], len(signals) - 1
        and_more = f" (+{more})" if more else ""
        said = (
            one_line(f"{to.word(worst.severity)}: {to.signal(worst).removesuffix('.')}{and_more}"),
            SEVERITY.get(worst.severity, "bold"),
        )
    else:
        said = (to.say("no signals"), "")
    return Text.assemble(said, f"; {one_line(_pending(dossier, to))}")


def _pending(dossier: Dossier, to: Reader) -> str:
    attempts = [gap.next_attempt_at for gap in dossier.gaps if gap.next_attempt_at is not None]
    if attempts:
        waiting = to.say_n("{n} lookup is asked again", "{n} lookups are asked again", len(attempts))
        return waiting + to.say(", next at {moment}", moment=to.moment(min(attempts)))
    if lacks := lacking(dossier):
        return to.say_n(
            "{n} required lookup lacks its answer, and nobody asks again by themselves",
            "{n} required lookups lack their answers, and nobody asks again by themselves",
            len(lacks),
        )
    return to.say("nothing is pending")


def lacking(dossier: Dossier) -> list[Gap]:
    needed = [gap for gap in dossier.gaps if gap.required]
    if dossier.completeness is Completeness.COMPLETE:  # one of an earlier release may call required what it lacks not
        needed = [gap for gap in needed if gap.code not in NOTHING_TO_ASK]
    return [gap for gap in needed if gap.outcome is not OutcomeKind.NOT_FOUND or gap.code in PROVISIONAL]
