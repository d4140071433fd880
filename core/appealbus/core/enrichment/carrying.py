"""What earlier versions told and this run has not asked: it stays until something newer replaces it.

Only a fact about somebody or something that the appeal no longer names since a correction is left behind.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from appealbus.core.domain.case import Case, LookupState
from appealbus.core.planning.contract import NOT_LOADED, CompletenessContract, Missing
from appealbus.core.planning.paths import PathError, check_path, parse_path, values
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import NotCarried
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Record

Key = tuple[str, str]
"""Names one question of a case: its lookup, and the key of its inputs."""
_NOT_NAMED = "the appeal was corrected and no longer names what this was asked about"
_OVERFLOW = "overflow"


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
    """Return the case with its questions under the names that their lookups have here."""
    names = {*(state.lookup for state in case.states), *(answer.lookup for answer in case.answers)}
    if names.isdisjoint(present):
        return case
    taken = {(state.lookup, state.key) for state in case.states}
    states = [
        replace(state, lookup=present[state.lookup]) if state.lookup in present else state
        for state in case.states
        if (present.get(state.lookup), state.key) not in taken
    ]
    answers = [replace(each, lookup=present.get(each.lookup, each.lookup)) for each in case.answers]
    return replace(case, states=tuple(states), answers=tuple(answers))


def whole(
    case: Case,
    asked: Mapping[Key, LookupState],
    contract: CompletenessContract,
    told: Collection[Key],
    now: datetime,
) -> Whole:
    """Add to what was asked what else is known.

    Args:
        case: the appeal, with what was known before the run.
        asked: how the questions of the plan stand.
        contract: of this kind of appeal.
        told: the questions of which the newest version tells; empty where there is none.
        now: when the run ends.

    """
    missing = contract.missing
    stays = [
        state
        for state in case.states
        if (state.lookup, state.key) not in asked
        and (state.record is not None or (state.lookup in missing and (state.lookup, state.key) in told))
    ]
    if not stays and not missing:
        return Whole(list(asked.values()))
    stays, left = _still_named(case.appeal, list(asked.values()), stays, missing)
    reason = {(state.lookup, state.key): _NOT_NAMED for state in left if state.record is not None}
    states = {(state.lookup, state.key): state for state in stays}
    carried, lacks = set(states), []
    for name, each in missing.items():
        mine = [state for state in stays if state.lookup == name]
        waits = [state for state in mine if state.pending]
        more = not mine or _asks_more(case.appeal, [*asked.values(), *stays], mine, each)
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


def _still_named(
    appeal: Appeal, asked: Sequence[LookupState], stays: Sequence[LookupState], missing: Mapping[str, Missing]
) -> tuple[list[LookupState], list[LookupState]]:
    """Split what is carried from what is about somebody or something that the appeal no longer names.

    A record whose inputs another record gave goes with that, unless one that stays gives them, too.
    """
    kept = [state for state in stays if _named(state, appeal)]
    left = [state for state in stays if not _named(state, appeal)]
    more = left
    while more:
        known = [*asked, *kept]
        more = [state for state in kept if _came_with(state, left) and not _came_with(state, known)]
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


def _came_with(state: LookupState, givers: Sequence[LookupState]) -> bool:
    """Whether any of these records gives an input of the question."""
    return any(
        given.value in _texts(given.path, _records(given.path.partition("/")[0], givers))
        for given in state.inputs
        if "/" in given.path
    )


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
