"""What earlier versions told and this run has not asked: it stays until something newer replaces it.

Only a fact about somebody or something that the appeal no longer names since a correction is left behind.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from appealbus.core.domain.case import PENDING, Case, LookupState
from appealbus.core.planning.contract import NOT_LOADED, CompletenessContract, Missing
from appealbus.core.planning.paths import PathError, check_path, parse_path, values
from appealbus.core.planning.plan import renamed_path
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Input, NotCarried
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Record

Key = tuple[str, str]
"""Names one question of a case: its lookup, and the key of its inputs."""
Asked = tuple[tuple[str, str], ...]
"""The inputs of a question: names and values."""
_NOT_NAMED = "the appeal was corrected and no longer names what this was asked about"
_OVERFLOW = "overflow"


@dataclass(frozen=True, slots=True)
class Before:
    """What the newest version of a dossier says of its questions.

    Attributes:
        questions: those that it tells of.
        unasked: how those stood that ended without being put, such as where the appeal gives no input: the journal
            keeps them nowhere else.
        planned: the lookups that were asked for it; empty where it is not complete, for then a run may have been cut
            off.
        documents: the digests of its documents: by lookup those of what it found, under `""` that of the appeal.

    """

    questions: Collection[Key] = ()
    unasked: Sequence[LookupState] = ()
    planned: Collection[str] = ()
    documents: Mapping[str, Collection[bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is known of a case at the end of a run.

    Attributes:
        states: how every question stands: those that were asked, those carried forward, and one for each lookup that
            is wanted and cannot be asked here.
        carried: which of them are carried forward.
        not_carried: facts about what the appeal no longer names.
        lacks: lookups that the contract wants and that could not be asked although there is something to ask.
        cut_off: whether the run raised: then nobody knows what else there would have been to ask.

    """

    states: Sequence[LookupState]
    carried: Collection[Key] = ()
    not_carried: Sequence[NotCarried] = ()
    lacks: Sequence[str] = ()
    cut_off: bool = False


def renamed(case: Case, present: Mapping[str, str]) -> Case:
    """Return the case with its questions under the names that their lookups have here, each once.

    One may have been kept under a former name, too, and under a key that its query has no more.
    """
    names = {*(state.lookup for state in case.states), *(answer.lookup for answer in case.answers)}
    given = [(state.lookup, asked_with(state.inputs)) for state in case.states if state.inputs]
    if names.isdisjoint(present) and len(set(given)) == len(given):
        return case
    states: dict[Key, LookupState] = {}
    keys: dict[tuple[str, Asked], Key] = {}
    for state in sorted(case.states, key=lambda each: _standing(each, present)):  # the last one counts
        name = present.get(state.lookup, state.lookup)
        key = name, state.key
        if state.inputs:
            states.pop(keys.get((name, asked_with(state.inputs)), key), None)
            keys[name, asked_with(state.inputs)] = key
        states[key] = state if name == state.lookup else replace(state, lookup=name)
    answers = [replace(each, lookup=present.get(each.lookup, each.lookup)) for each in case.answers]
    return replace(case, states=tuple(states.values()), answers=tuple(answers))


def _standing(state: LookupState, present: Mapping[str, str]) -> tuple[bool, datetime, bool]:
    """Rank what is known of one question under two names: a record counts more than none, and the newer one more."""
    told = state.provenance
    at = state.ended_at if state.record is None or told is None else told.observed_at
    return state.record is not None, at, state.lookup not in present


def known_anew(case: Case, asked: Mapping[Key, LookupState]) -> Case:
    """Return the case without what it knew of questions under another key than they have now.

    The same inputs are the same question, whatever else the query model has by now. No record goes for one that has
    none.
    """
    now = {(name, asked_with(state.inputs)): state for (name, _), state in asked.items() if state.inputs}

    def stays(state: LookupState) -> bool:
        other = now.get((state.lookup, asked_with(state.inputs)))
        if other is None or (state.lookup, state.key) in asked:
            return True
        return state.record is not None and other.record is None

    states = tuple(filter(stays, case.states))
    return case if len(states) == len(case.states) else replace(case, states=states)


def asked_with(inputs: Iterable[Input]) -> Asked:
    """Return the inputs of a question as one can tell it from others of its lookup."""
    return tuple((each.name, each.value) for each in inputs)


def whole(
    case: Case, asked: Mapping[Key, LookupState], contract: CompletenessContract, told: Before, now: datetime
) -> Whole:
    """Add to what was asked what else is known.

    Args:
        case: the appeal, with what was known before the run.
        asked: how the questions of the plan stand.
        contract: of this kind of appeal.
        told: what the newest version says of its questions; nothing where there is none.
        now: when the run ends.

    """
    missing = contract.missing
    stays = [
        state
        for state in case.states
        if (state.lookup, state.key) not in asked
        and (state.record is not None or (state.lookup in missing and (state.lookup, state.key) in told.questions))
    ]
    there = {(state.lookup, state.key) for state in case.states}
    stays += [each for each in told.unasked if each.lookup in missing and (each.lookup, each.key) not in there]
    if not stays and not missing:
        return Whole(list(asked.values()))
    stays, left = _still_named(case.appeal, list(asked.values()), stays, contract.present)
    reason = {(state.lookup, state.key): _NOT_NAMED for state in left if state.record is not None}
    states = {(state.lookup, state.key): state for state in stays}
    carried, lacks = set(states), []
    known = [*asked.values(), *stays]
    for name, each in missing.items():
        mine = [state for state in stays if state.lookup == name and _still_waits(state, known, each)]
        waits = [state for state in mine if state.pending]
        more = not _is_as_told(name, case, known, each, told) and (
            not mine or _asks_more(case.appeal, known, mine, each)
        )
        if not more and not waits and not any(state.next_attempt_at for state in mine):  # a person has it asked anew
            continue
        lacks.append(name)
        for state in waits:
            if state.next_attempt_at is not None:
                states[name, state.key] = _not_loaded(name, state.key, each, now, state)
        if more and not waits:
            states[name, ""] = _not_loaded(name, "", each, now, None)
            carried.discard((name, ""))
    return Whole(
        [*asked.values(), *(states[key] for key in sorted(states))],
        carried,
        [NotCarried(lookup=lookup, key=key, reason=why) for (lookup, key), why in sorted(reason.items())],
        sorted(lacks),
    )


def _not_loaded(name: str, key: str, each: Missing, now: datetime, before: LookupState | None) -> LookupState:
    reason = f"it cannot be asked now: {each.reason}"
    if before is None:
        return LookupState(name, key, OutcomeKind.UNAVAILABLE, now, NOT_LOADED, reason)
    return replace(before, kind=OutcomeKind.UNAVAILABLE, code=NOT_LOADED, reason=reason, next_attempt_at=None)


def _still_waits(state: LookupState, known: Sequence[LookupState], each: Missing) -> bool:
    """Whether a question that waited for the record of another lookup waits for nothing but that."""
    return state.code != PENDING or any(
        other.pending for head in _heads(each) for other in known if other.lookup == head
    )


def _is_as_told(name: str, case: Case, known: Sequence[LookupState], each: Missing, told: Before) -> bool:
    """Whether all that a lookup takes its inputs from is what it was when it could be asked."""
    if name not in told.planned or told.documents.get("") != {case.content}:
        return False
    return all(
        told.documents.get(head, frozenset())
        == {state.fact.digest for state in known if state.lookup == head and state.record and state.fact}
        for head in _heads(each)
    )


def _heads(each: Missing) -> set[str]:
    """Return the lookups that one takes inputs from."""
    return {head for given in each.inputs for head, slash, _ in (path.partition("/") for path in given.paths) if slash}


def _still_named(
    appeal: Appeal, asked: Sequence[LookupState], stays: Sequence[LookupState], present: Mapping[str, str]
) -> tuple[list[LookupState], list[LookupState]]:
    """Split what is carried from what is about somebody or something that the appeal no longer names.

    A record whose inputs another record gave goes with that, unless one that stays gives them, too.
    """
    kept = [state for state in stays if _named(state, appeal)]
    left = [state for state in stays if not _named(state, appeal)]
    more = left
    while more:
        known = [*asked, *kept]
        more = [state for state in kept if _came_with(state, left, present) and not _came_with(state, known, present)]
        kept = [state for state in kept if state not in more]
        left = [*left, *more]
    return kept, left


def _named(state: LookupState, appeal: Appeal) -> bool:
    return all(given.value in _texts(given.path, [appeal]) for given in state.inputs if _leads_into(given.path, appeal))


def _leads_into(path: str, appeal: Appeal) -> bool:
    """Whether it is a path into the appeal that this process understands: of another it cannot say what is there."""
    try:
        parsed = parse_path(path)
        if parsed.lookup is None:
            check_path(parsed, type(appeal))
    except PathError:
        return False
    return parsed.lookup is None


def _came_with(state: LookupState, givers: Sequence[LookupState], present: Mapping[str, str]) -> bool:
    """Whether any of these records gives an input of the question."""
    paths = ((given.value, renamed_path(given.path, present)) for given in state.inputs if "/" in given.path)
    return any(value in _texts(path, _records(path.partition("/")[0], givers)) for value, path in paths)


def _records(lookup: str, states: Sequence[LookupState]) -> list[Record]:
    return [state.record for state in states if state.lookup == lookup and state.record is not None]


def _texts(path: str, roots: Sequence[Appeal | Record]) -> set[str]:
    try:
        parsed = parse_path(path)
    except PathError:
        return set()
    return {str(value.value) for root in roots for value in values(parsed, root)}


def _asks_more(appeal: Appeal, known: Sequence[LookupState], mine: Sequence[LookupState], each: Missing) -> bool:
    """Whether a lookup that is not here would have a question that it has not put."""
    if any(state.key == _OVERFLOW for state in mine):
        return False
    put = {given.value for state in mine for given in state.inputs}
    return any(value not in put for value in _inputs(appeal, known, each))


def _inputs(appeal: Appeal, known: Sequence[LookupState], each: Missing) -> Iterator[str]:
    for given in each.inputs:
        for path in given.paths:
            head, slash, _ = path.partition("/")
            found = _texts(path, _records(head, known) if slash else [appeal])
            yield from found
            if found and not given.union:
                break
