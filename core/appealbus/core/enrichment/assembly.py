"""Builds a dossier version from the states of a case."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from pydantic_core import from_json

from appealbus.core.domain.case import NOTHING_TO_ASK, Case, LookupState
from appealbus.core.domain.document import Document, PartRef, Version, bare, fact_parts, written
from appealbus.core.domain.pauses import PROVISIONAL
from appealbus.core.enrichment.carrying import Before, Key, Whole
from appealbus.core.enrichment.fields import judged
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.planning.contract import NOT_LOADED, CompletenessContract
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.schemas.change import ChangeNote
from appealbus.schemas.dossier import Completeness, Dossier, Fact, Gap, LookupOutcome
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Record
from appealbus.schemas.signal import Signal

log = structlog.get_logger(__name__)

NOTHING: Mapping[str, Sequence[Signal] | None] = {}


def outcome_of(state: LookupState) -> LookupOutcome:
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


def completeness_of(states: Sequence[LookupState], contract: CompletenessContract) -> Completeness:
    """Return whether all required lookups have ended, and if not, whether they still may."""
    missed = _missed(states, contract)
    lacking = False
    for state in states:
        if state.lookup in contract.required and _lacks(state, missed):
            if state.next_attempt_at or state.code == NOT_LOADED or not state.kind.known:
                return Completeness.PARTIAL
            lacking = True
    return Completeness.SETTLED if lacking else Completeness.COMPLETE


def _missed(states: Sequence[LookupState], contract: CompletenessContract) -> Collection[str]:
    """Return the lookups missing because there was nothing to ask about."""
    if not contract.named:
        return ()
    asked = {state.lookup for state in states if state.code not in NOTHING_TO_ASK}
    return frozenset[str]().union(*(group for group in contract.named if asked.isdisjoint(group)))


def _lacks(state: LookupState, missed: Collection[str]) -> bool:
    if state.code in NOTHING_TO_ASK:
        return state.lookup in missed
    return state.kind not in (OutcomeKind.FOUND, OutcomeKind.NOT_FOUND) or state.code in PROVISIONAL


def assemble(
    case: Case,
    whole: Whole,
    contract: CompletenessContract,
    assessors: Mapping[str, Assessor],
    created_at: datetime,
    *,
    defects: Counter[str],
    epoch: int = 1,
    recalled: Mapping[str, Sequence[Signal] | None] = NOTHING,
) -> Dossier:
    """Make the next version of the dossier and have it assessed; `defects` counts exceptions of assessors.

    `recalled` has signals from other appeals, by assessor; None if it failed.
    """
    states = whole.states
    facts: list[Fact] = []
    outcomes: list[LookupOutcome] = []
    gaps: list[Gap] = []
    missed = _missed(states, contract)
    for state in states:
        outcomes.append(outcome_of(state))
        if state.record is not None and state.provenance is not None:
            facts.append(
                Fact(
                    lookup=state.lookup,
                    key=state.key,
                    record=state.record,
                    provenance=state.provenance,
                    not_asked_now=(state.lookup, state.key) in whole.carried or None,
                )
            )
            if not state.is_gap:
                continue
        gaps.append(
            Gap(
                lookup=state.lookup,
                key=state.key,
                required=state.lookup in (missed if state.code in NOTHING_TO_ASK else contract.required),
                outcome=state.lacks_as,
                code=state.code,
                reason=state.reason,
                next_attempt_at=state.next_attempt_at,
            )
        )
    dossier = Dossier(
        number=case.receipt.number,
        version=case.version + 1,
        epoch=epoch,
        completeness=Completeness.PARTIAL if whole.cut_off else completeness_of(states, contract),
        created_at=created_at,
        receipt=case.receipt,
        appeal=case.appeal,
        facts=facts,
        outcomes=outcomes,
        gaps=gaps,
        plan=contract.planned,
        not_carried=list(whole.not_carried),
        changes=list(case.notes),
    )
    return _assessed(dossier, assessors, defects, recalled)


def _assessed(
    dossier: Dossier,
    assessors: Mapping[str, Assessor],
    defects: Counter[str],
    recalled: Mapping[str, Sequence[Signal] | None],
) -> Dossier:
    signals: list[Signal] = [signal for given in recalled.values() for signal in given or ()]
    unassessed = [name for name, given in recalled.items() if given is None]
    for name, assessor in assessors.items():
        try:
            concluded = list(assessor.assess(dossier))
            if not all(isinstance(signal, Signal) for signal in concluded):
                raise TypeError("an assessor must return signals")
            signals += judged(assessor, concluded, dossier)
        except BaseException as error:
            if not is_defect(error):
                raise
            defects[f"assessor.{name}"] += 1
            log.exception("assessor.raised", assessor=name, number=dossier.number, version=dossier.version)
            if name not in unassessed:
                unassessed.append(name)
    carried = [fact for fact in dossier.facts if fact.not_asked_now]
    signals = [_marked(signal, carried) for signal in signals] if carried else signals
    return dossier.model_copy(update={"signals": signals, "unassessed": unassessed})


def _marked(signal: Signal, carried: Sequence[Fact]) -> Signal:
    """Mark the signal if it depends on a fact from an earlier version."""
    heads = {field.partition("/")[0] for field in signal.fields}
    rests = any(fact.lookup in heads or f"{fact.lookup}[{fact.key}]" in heads for fact in carried)
    return signal.model_copy(update={"not_asked_now": True}) if rests else signal


def to_keep(dossier: Dossier, case: Case, states: Sequence[LookupState]) -> Version:
    """Return the stored form, which refers to facts by the documents of the states."""
    facts = {(state.lookup, state.key): state.fact for state in states}
    documents = [facts[fact.lookup, fact.key] for fact in dossier.facts]
    return written(
        dossier, PartRef(case.content, case.size), [document for document in documents if document is not None]
    )


def unkept(states: Sequence[LookupState]) -> list[Document]:
    """Return fact documents not yet stored, of lookups that were renamed."""
    return [state.fact for state in states if state.fact is not None and not state.is_kept]


class VersionContent:
    """The content of a version, for comparison with the next."""

    def __init__(self, version: Version, present: Mapping[str, str], states: Iterable[LookupState]) -> None:
        """`present` has current names of lookups by former name. Questions whose keys changed are matched by inputs."""
        document: dict[str, Any] = from_json(bare(version.skeleton))
        self.completeness = Completeness.stored(document["completeness"])
        self.unassessed = frozenset(document.get("unassessed", ()))
        self._changes = document.get("changes", [])
        there = {(state.lookup, state.key): state.inputs for state in states}
        keys = {(name, *((given.name, given.value) for given in inputs)): key for (name, key), inputs in there.items()}
        names: dict[Key, Key] = {}
        self._news: dict[Key, str] = {}
        for item in document["outcomes"]:
            lookup = present.get(item["lookup"], item["lookup"])
            key = item["key"]
            if (lookup, key) not in there and item["inputs"]:
                key = keys.get((lookup, *((given["name"], given["value"]) for given in item["inputs"])), key)
            names[item["lookup"], item["key"]] = lookup, key
            news = _news(OutcomeKind.stored(item["outcome"]), item["code"], asked_again="next_attempt_at" in item)
            # One question under two names, of which one was not known to be the former: to tell it once is new.
            self._news[lookup, key] = "twice" if (lookup, key) in self._news else news
        facts = [((fact["lookup"], fact["key"]), fact) for fact in document["facts"]]
        facts = [(names.get(key, (present.get(key[0], key[0]), key[1])), fact) for key, fact in facts]
        self.not_asked = {key for key, fact in facts if fact.get("not_asked_now")}
        """Questions whose facts are marked as not asked for this version."""
        # A version that an older program wrote is whole.
        self._records = {key: _present(fact["record"]) for key, fact in facts} if version.parts is None else None
        self._facts = dict(zip((key for key, _ in facts), version.digests[1:], strict=False))
        documents: defaultdict[str, set[bytes]] = defaultdict(set)
        if version.parts is not None:
            documents[""].update(version.digests[:1])
        for (name, _), digest in self._facts.items():
            documents[name].add(digest)
        self.before = Before(
            self._news.keys(),
            [_unasked(names[item["lookup"], item["key"]], item) for item in document["outcomes"] if _is_unasked(item)],
            {present.get(row["lookup"], row["lookup"]) for row in document.get("plan", ()) if "not_loaded" not in row}
            if self.completeness in (Completeness.COMPLETE, Completeness.SETTLED)
            else (),
            documents,
        )
        """The version's view of its questions."""

    def tells(self, changes: Sequence[ChangeNote]) -> bool:
        """Whether it reports exactly these changes of the appeal."""
        return bool(self._changes == [note.model_dump(mode="json", exclude_none=True) for note in changes])

    def others(self, states: Sequence[LookupState]) -> list[tuple[Document, bytes]] | None:
        """Return the facts of these states whose documents differ here, with the digests of the old ones.

        If they hold the same records, a new version would not be news. None: it would be, because of a new record, a
        final outcome or a removed question. Failed attempts are no news, nor are lookups that only other workers
        have; either could cause endless versions. A repeated question is news, see `not_asked`.
        """
        now = {
            (state.lookup, state.key): _news(state.kind, state.code, asked_again=state.next_attempt_at is not None)
            for state in states
        }
        if self._news != now:
            return None
        others = []
        for state in states:
            if state.record is None or state.fact is None:
                continue
            key = state.lookup, state.key
            if self._records is not None:
                record = from_json(fact_parts(state.fact.body)[0] or b"null")
                if record is None or self._records.get(key) != _present(record):
                    return None
            elif key not in self._facts:
                return None
            elif self._facts[key] != state.fact.digest:
                others.append((state.fact, self._facts[key]))
        return others


def same_record(told: bytes, now: bytes) -> bool:
    """Whether two fact documents, the first one from a version, hold the same record, whatever their provenance."""
    before, after = (from_json(fact_parts(body)[0] or b"null") for body in (told, now))
    return before is not None and after is not None and bool(_present(before) == after)


def _present(record: dict[str, Any]) -> dict[str, Any]:
    name = Record.renamed.get(str(record.get("type")))
    return record if name is None else {**record, "type": name}


def _is_unasked(item: dict[str, Any]) -> bool:
    return item["outcome"] in (OutcomeKind.NOT_APPLICABLE.value, OutcomeKind.SKIPPED.value)


def _unasked(key: Key, item: dict[str, Any]) -> LookupState:
    outcome = LookupOutcome.model_validate(item)
    return LookupState(*key, outcome.outcome, outcome.ended_at, outcome.code, outcome.reason, tuple(outcome.inputs))


def _news(kind: OutcomeKind, code: str, *, asked_again: bool) -> str:
    if code in PROVISIONAL:
        return f"{kind.value} {code} {asked_again}"
    if kind is OutcomeKind.FOUND:
        return kind.value
    if kind.final or kind is OutcomeKind.SKIPPED or not kind.known:
        return f"{kind.value} {code}"
    return "open" if asked_again or code == NOT_LOADED else "given up"
