"""From the states of a case to a dossier version."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from pydantic_core import from_json

from appealbus.core.domain.case import Case, LookupState
from appealbus.core.doors import is_defect
from appealbus.core.interfaces.assessor import Assessor
from appealbus.schemas.dossier import Completeness, Dossier, Fact, Gap, LookupOutcome
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Signal

log = structlog.get_logger(__name__)


def outcome_of(state: LookupState) -> LookupOutcome:
    """Return the state as the dossier tells it."""
    return LookupOutcome(
        lookup=state.lookup,
        key=state.key,
        outcome=state.kind,
        code=state.code,
        reason=state.reason,
        inputs=list(state.inputs),
        attempts=state.attempts,
        asked_at=state.asked_at,
        ended_at=state.ended_at,
        next_attempt_at=state.next_attempt_at,
    )


def completeness_of(states: Iterable[LookupState], required: Container[str]) -> Completeness:
    """Return `complete` if every required question has ended for good, whether or not a record was found."""
    still_open = any(state.lookup in required and state.pending for state in states)
    return Completeness.PARTIAL if still_open else Completeness.COMPLETE


def assemble(
    case: Case,
    states: Sequence[LookupState],
    required: Container[str],
    assessors: Mapping[str, Assessor],
    created_at: datetime,
    *,
    defects: Counter[str],
    epoch: int = 1,
) -> Dossier:
    """Make the next version of the case's dossier and have it assessed; `defects` counts what assessors raise."""
    facts: list[Fact] = []
    outcomes: list[LookupOutcome] = []
    gaps: list[Gap] = []
    for state in states:
        outcomes.append(outcome_of(state))
        if state.record is not None and state.provenance is not None:
            facts.append(Fact(lookup=state.lookup, key=state.key, record=state.record, provenance=state.provenance))
            continue
        gaps.append(
            Gap(
                lookup=state.lookup,
                key=state.key,
                required=state.lookup in required,
                outcome=state.kind,
                code=state.code,
                reason=state.reason,
                next_attempt_at=state.next_attempt_at,
            )
        )
    dossier = Dossier(
        number=case.receipt.number,
        version=case.version + 1,
        epoch=epoch,
        completeness=completeness_of(states, required),
        created_at=created_at,
        receipt=case.receipt,
        appeal=case.appeal,
        facts=facts,
        outcomes=outcomes,
        gaps=gaps,
        changes=list(case.notes),
    )
    return _assessed(dossier, assessors, defects)


def _assessed(dossier: Dossier, assessors: Mapping[str, Assessor], defects: Counter[str]) -> Dossier:
    signals: list[Signal] = []
    unassessed: list[str] = []
    for name, assessor in assessors.items():
        try:
            concluded = list(assessor.assess(dossier))
            if not all(isinstance(signal, Signal) for signal in concluded):
                raise TypeError("an assessor must return signals")
            signals += concluded
        except BaseException as error:
            if not is_defect(error):
                raise
            defects[f"assessor.{name}"] += 1
            log.exception("assessor.raised", assessor=name, number=dossier.number, version=dossier.version)
            unassessed.append(name)
    return dossier.model_copy(update={"signals": signals, "unassessed": unassessed})


def tells_changes(previous: bytes, case: Case) -> bool:
    """Whether a version tells what has happened to the appeal since it came, and nothing else."""
    told = from_json(previous).get("changes", [])
    return bool(told == [note.model_dump(mode="json", exclude_none=True) for note in case.notes])


def says_the_same(previous: bytes, states: Sequence[LookupState]) -> bool:
    """Whether a version that is made of these states would tell its reader nothing new.

    New is: another record, a question that has ended for good, a question that is not asked any more. How often and why
    a question has failed so far is not new, or a source that fails in varying ways would cause version after version.
    """
    document = from_json(previous)
    told = {
        (item["lookup"], item["key"], _news(OutcomeKind(item["outcome"]), item["code"], "next_attempt_at" in item))
        for item in document["outcomes"]
    }
    now = {
        (state.lookup, state.key, _news(state.kind, state.code, state.next_attempt_at is not None)) for state in states
    }
    if told != now:
        return False
    facts = {(fact["lookup"], fact["key"]): fact["record"] for fact in document["facts"]}
    return all(
        state.record is None
        or facts.get((state.lookup, state.key)) == from_json(state.record.model_dump_json(exclude_none=True))
        for state in states
    )


def _news(kind: OutcomeKind, code: str, asked_again: bool) -> str:
    if kind is OutcomeKind.FOUND:
        return kind.value
    if kind.final or kind is OutcomeKind.SKIPPED:
        return f"{kind.value} {code}"
    return "open" if asked_again else "given up"
