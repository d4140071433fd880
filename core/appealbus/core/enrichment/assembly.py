"""From the states of a case to a dossier version."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from pydantic_core import from_json

from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.document import Document, Part, Version, bare, written
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


def to_keep(dossier: Dossier, case: Case, states: Sequence[LookupState]) -> Version:
    """Return the dossier as it is kept: its facts are documents that the states have."""
    facts = {(state.lookup, state.key): state.fact for state in states}
    documents = [facts[fact.lookup, fact.key] for fact in dossier.facts]
    return written(dossier, Part(case.content, case.size), [each for each in documents if each is not None])


def other_facts(previous: Version, states: Sequence[LookupState]) -> list[tuple[Document, bytes]] | None:
    """Return which facts have another document than the previous version tells, and that one's digest.

    None where a version that is made of these states would tell something new whatever stands in these. New is: another
    record, a question that has ended for good, a question that is not asked any more. How often and why a question has
    failed so far is not new, or a source that fails in varying ways would cause version after version.
    """
    document = from_json(bare(previous.skeleton))
    told = {
        (
            item["lookup"],
            item["key"],
            _news(OutcomeKind.stored(item["outcome"]), item["code"], "next_attempt_at" in item),
        )
        for item in document["outcomes"]
    }
    now = {
        (state.lookup, state.key, _news(state.kind, state.code, state.next_attempt_at is not None)) for state in states
    }
    if told != now:
        return None
    if previous.parts is None:
        return _compared(document, states)
    facts = dict(zip(map(_name, document["facts"]), previous.digests[1:], strict=True))
    others = []
    for state in states:
        if state.record is None or state.fact is None:
            continue
        before = facts.get((state.lookup, state.key))
        if before is None:
            return None
        if before != state.fact.digest:
            others.append((state.fact, before))
    return others


def _compared(whole: Mapping[str, Any], states: Sequence[LookupState]) -> list[tuple[Document, bytes]] | None:
    """Compare the facts of a version that an older program wrote, which is whole."""
    facts = {_name(fact): fact["record"] for fact in whole["facts"]}
    same = all(
        state.record is None
        or facts.get((state.lookup, state.key)) == from_json(state.record.model_dump_json(exclude_none=True))
        for state in states
    )
    return [] if same else None


def _name(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["lookup"], item["key"]


def _news(kind: OutcomeKind, code: str, asked_again: bool) -> str:
    if kind is OutcomeKind.FOUND:
        return kind.value
    if kind.final or kind is OutcomeKind.SKIPPED or not kind.known:
        return f"{kind.value} {code}"
    return "open" if asked_again else "given up"
