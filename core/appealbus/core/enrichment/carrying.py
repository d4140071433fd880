"""Carries facts of earlier versions forward when a run has not asked for them.

A fact stays while a field of the current appeal, or a record of the same version, leads to it.
"""

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from appealbus.core.domain.case import NOT_CONFIRMED, NOT_GIVEN, NOT_NAMED, PENDING, WITHDRAWN, Case, LookupState
from appealbus.core.domain.pauses import STALE
from appealbus.core.planning.contract import NOT_LOADED, CompletenessContract, Missing
from appealbus.core.planning.paths import PathError, check_path, parse_path, values
from appealbus.core.planning.plan import renamed_path
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Input, NotCarried
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import OtherRecord, Record

Key = tuple[str, str]
"""A question of a case: its lookup, and the key of its inputs."""
Asked = tuple[tuple[str, str], ...]
"""The inputs of a question: names and values."""
_OVERFLOW = "overflow"


@dataclass(frozen=True, slots=True)
class Before:
    """The newest version's view of its questions.

    Attributes:
        unasked: states of questions that ended unasked, such as for lack of input; stored nowhere else.
        planned: lookups asked for it; empty if partial, since a run may have been cut off.
        documents: digests by lookup; under `""` that of the appeal.
    """

    questions: Collection[Key] = ()
    unasked: Sequence[LookupState] = ()
    planned: Collection[str] = ()
    documents: Mapping[str, Collection[bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Whole:
    """All knowledge of a case at the end of a run.

    Attributes:
        states: of all questions: asked, carried forward, or unavailable here but required.
        not_carried: invalidated facts of earlier versions, with reasons.
        lacks: required lookups unavailable here that have something to ask.
        cut_off: whether the run raised, so that further questions are unknown.
    """

    states: Sequence[LookupState]
    carried: Collection[Key] = ()
    not_carried: Sequence[NotCarried] = ()
    lacks: Sequence[str] = ()
    cut_off: bool = False


def renamed(case: Case, present: Mapping[str, str]) -> Case:
    """Return the case with lookups under their current names; a question stored under two names is merged."""
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
    answers = [replace(answer, lookup=present.get(answer.lookup, answer.lookup)) for answer in case.answers]
    return replace(case, states=tuple(states.values()), answers=tuple(answers))


def _standing(state: LookupState, present: Mapping[str, str]) -> tuple[bool, datetime, bool]:
    """Rank two states of one question: a record beats none, then the newer wins."""
    provenance = state.provenance
    at = state.ended_at if state.record is None or provenance is None else provenance.observed_at
    return state.record is not None, at, state.lookup not in present


def known_anew(case: Case, asked: Mapping[Key, LookupState]) -> Case:
    """Return the case without states whose questions have another key now. A record is never replaced by none."""
    now = {(name, asked_with(state.inputs)): state for (name, _), state in asked.items() if state.inputs}

    def stays(state: LookupState) -> bool:
        other = now.get((state.lookup, asked_with(state.inputs)))
        if other is None or (state.lookup, state.key) in asked:
            return True
        return state.record is not None and other.record is None

    states = tuple(filter(stays, case.states))
    return case if len(states) == len(case.states) else replace(case, states=states)


def asked_with(inputs: Iterable[Input]) -> Asked:
    """Return the inputs that identify a question of its lookup."""
    return tuple((given.name, given.value) for given in inputs)


def whole(
    case: Case, asked: Mapping[Key, LookupState], contract: CompletenessContract, told: Before, now: datetime
) -> Whole:
    """Combine the results of a run with earlier knowledge. `told` is empty without an earlier version."""
    missing = contract.missing
    stays = [
        state
        for state in case.states
        if (state.lookup, state.key) not in asked
        and (state.record is not None or (state.lookup in missing and (state.lookup, state.key) in told.questions))
    ]
    there = {(state.lookup, state.key) for state in case.states}
    stays += [state for state in told.unasked if state.lookup in missing and (state.lookup, state.key) not in there]
    everything = {**{(state.lookup, state.key): state for state in case.states}, **asked}
    withdrawn = {key: state.reason for key, state in everything.items() if state.code == WITHDRAWN}
    if not stays and not missing and not withdrawn:
        return Whole(list(asked.values()))
    givers = _Givers(
        case.appeal,
        contract,
        {name for (name, _), state in everything.items() if state.record or state.code == WITHDRAWN or _is_none(state)},
    )
    loose = _unconfirmed(stays, asked.values(), missing)
    stays, left = _still_given(
        givers, asked.values(), [state for state in stays if all(state is not other for other in loose)]
    )
    reason = {(state.lookup, state.key): givers.why_not(state) for state in left if state.record is not None}
    reason |= {(state.lookup, state.key): str(NOT_CONFIRMED) for state in loose} | withdrawn
    states = {(state.lookup, state.key): state for state in stays}
    carried, lacks = set(states), []
    known = [*asked.values(), *stays]
    for name, lacking in missing.items():
        mine = [state for state in stays if state.lookup == name and _still_waits(state, known, lacking)]
        waits = [state for state in mine if state.pending]
        more = not _is_as_told(name, case, known, lacking, told) and (
            not mine or _asks_more(case.appeal, known, mine, lacking)
        )
        if not more and not waits and not any(state.next_attempt_at for state in mine):  # a person has it asked anew
            continue
        lacks.append(name)
        for state in waits:
            if state.next_attempt_at is not None:
                states[name, state.key] = _not_loaded(name, state.key, lacking, now, state)
        if more and not waits:
            states[name, ""] = _not_loaded(name, "", lacking, now, None)
            carried.discard((name, ""))
    return Whole(
        [*asked.values(), *(states[key] for key in sorted(states))],
        carried,
        [NotCarried(lookup=lookup, key=key, reason=why) for (lookup, key), why in sorted(reason.items())],
        sorted(lacks),
    )


def _is_none(state: LookupState) -> bool:
    """Whether the source said that there is no record, such as after a withdrawal."""
    return state.kind in (OutcomeKind.NOT_FOUND, OutcomeKind.REFUSED) and not state.pending


def _unconfirmed(
    stays: Iterable[LookupState], asked: Iterable[LookupState], missing: Container[str]
) -> list[LookupState]:
    """Return answers from memory that will not be confirmed, since their lookup now asks something else."""
    # Where it is not known yet what there is to ask, the question may still come.
    open_ = {state.lookup for state in asked if state.pending and not state.key}
    return [
        state for state in stays if state.code == STALE and state.lookup not in missing and state.lookup not in open_
    ]


def _not_loaded(name: str, key: str, each: Missing, now: datetime, before: LookupState | None) -> LookupState:
    reason = f"it cannot be asked now: {each.reason}"
    if before is None:
        return LookupState(name, key, OutcomeKind.UNAVAILABLE, now, NOT_LOADED, reason)
    if before.record is not None:  # it stays what it is, and due: not given up
        return replace(before, reason=reason)
    return replace(before, kind=OutcomeKind.UNAVAILABLE, code=NOT_LOADED, reason=reason, next_attempt_at=None)


def _still_waits(state: LookupState, known: Sequence[LookupState], each: Missing) -> bool:
    """Whether a question waits only for the record of another lookup."""
    return state.code != PENDING or any(
        other.pending for head in _heads(each) for other in known if other.lookup == head
    )


def _is_as_told(name: str, case: Case, known: Sequence[LookupState], each: Missing, told: Before) -> bool:
    """Whether all data that feeds a lookup is unchanged since the lookup was available."""
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


@dataclass(frozen=True, slots=True)
class _Givers:
    """Sources of inputs: the appeal, and the version's records.

    A record stays while each of its inputs is found, by any path of that input. Unreadable paths, unloaded models
    and lookups without states count as found.
    """

    appeal: Appeal
    contract: CompletenessContract
    told_of: Collection[str]
    records: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    _texts: dict[str, tuple[set[str], bool]] = field(default_factory=dict)

    def add(self, states: Iterable[LookupState]) -> None:
        for state in states:
            if state.record is not None:
                self.records[state.lookup].append(state.record)
        self._texts.clear()

    def give(self, state: LookupState) -> bool:
        """Whether every input of a question is found."""
        return all(self._give(state.lookup, given) for given in state.inputs)

    def why_not(self, state: LookupState) -> str:
        """Return the reason for the missing input."""
        lacking = [self._path(given) for given in state.inputs if not self._give(state.lookup, given)]
        return str(NOT_NAMED if any("/" not in path for path in lacking) else NOT_GIVEN)

    def _path(self, given: Input) -> str:
        return renamed_path(given.path, self.contract.present)

    def _give(self, lookup: str, given: Input) -> bool:
        own = self._path(given)
        if any(given.value in self._found(path)[0] for path in (own, *self._others(lookup, given.name, own))):
            return True
        return not self._found(own)[1]

    def _others(self, lookup: str, name: str, own: str) -> Iterator[str]:
        """Yield all declared paths of an input, also of a lookup that is no longer here."""
        for node in self.contract.plan:
            if node.lookup.name == lookup:
                same = (binding for binding in node.bindings if binding.field == name)
                yield from (path.text for binding in same for path in binding.paths)
        if lookup in self.contract.missing:
            here = (binding.paths for binding in self.contract.missing[lookup].inputs if own in binding.paths)
            yield from (path for paths in here for path in paths)

    def _found(self, path: str) -> tuple[set[str], bool]:
        """Return the values at a path, and whether these are certainly all."""
        if path not in self._texts:
            head, slash, _ = path.partition("/")
            roots: Sequence[Appeal | Record] = self.records[head] if slash else [self.appeal]
            known = (not slash or head in self.told_of) and all(_understood(path, root) for root in roots)
            self._texts[path] = _texts(path, roots), known
        return self._texts[path]


def _still_given(
    givers: _Givers, asked: Iterable[LookupState], stays: Sequence[LookupState]
) -> tuple[list[LookupState], list[LookupState]]:
    """Split carried states into those with all inputs, and those without."""
    kept: list[LookupState] = []
    left = list(stays)
    givers.add(asked)
    while more := [state for state in left if givers.give(state)]:
        givers.add(more)
        kept += more
        there = set(map(id, more))
        left = [state for state in left if id(state) not in there]
    return kept, left


def _understood(path: str, root: Appeal | Record) -> bool:
    """Whether this process knows the path; another release may have had such a field."""
    if isinstance(root, OtherRecord):
        return bool(_texts(path, [root]))
    try:
        check_path(parse_path(path), type(root))
    except PathError:
        return False
    return True


def _records(lookup: str, states: Sequence[LookupState]) -> list[Record]:
    return [state.record for state in states if state.lookup == lookup and state.record is not None]


def _texts(path: str, roots: Sequence[Appeal | Record]) -> set[str]:
    try:
        parsed = parse_path(path)
    except PathError:
        return set()
    return {str(value.value) for root in roots for value in values(parsed, root)}


def _asks_more(appeal: Appeal, known: Sequence[LookupState], mine: Sequence[LookupState], each: Missing) -> bool:
    """Whether an unavailable lookup would have a question that it has not asked."""
    if any(state.key == _OVERFLOW for state in mine):
        return False
    put = {given.value for state in mine for given in state.inputs}
    return any(value not in put for value in _inputs(appeal, known, each))


def _inputs(appeal: Appeal, known: Sequence[LookupState], each: Missing) -> Iterator[str]:
    for given in each.inputs:
        for path in given.paths:
            head, slash, _ = path.partition("/")
            texts = _texts(path, _records(head, known) if slash else [appeal])
            yield from texts
            if texts and not given.union:
                break
