"""Rereads kept replies of a case with current plugins, and reports differences."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from appealbus.core.domain.case import PENDING, WITHDRAWN, Case, LookupState, ReplyRow
from appealbus.core.domain.pauses import ASKED_ANEW, PARTLY_READ, REFRESH_FAILED, STALE
from appealbus.core.enrichment.carrying import asked_with, renamed
from appealbus.core.enrichment.differences import FieldDifference, How, differences, keeps
from appealbus.core.enrichment.fields import provisional
from appealbus.core.guards.conversation import Conversation, NotKept, unpack
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.rereading import CANNOT, NOT_KEPT
from appealbus.core.planning.contract import CompletenessContract
from appealbus.core.planning.inputs import Draft, InputState, Known
from appealbus.core.planning.paths import of_each, touch
from appealbus.core.planning.plan import Node
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.schemas.outcome import OutcomeKind

_ANSWERS = frozenset({OutcomeKind.FOUND, OutcomeKind.NOT_FOUND, OutcomeKind.REFUSED})
"""Outcomes that are answers of the source."""
_NO_ANSWER = frozenset({OutcomeKind.INVALID, OutcomeKind.UNAVAILABLE, OutcomeKind.TIMED_OUT})
NOT_STARTED = "source.not_started"
"""Code of a question whose source's wire could not start."""
_UNREAD = frozenset({NOT_KEPT, CANNOT})


class RereadResult(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    """The reading differs and becomes the new state."""
    STAYS = "stays"
    """The reading differs but the state stays: no record is lost, and withdrawn records do not return in mass
    rereading."""
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Reread:
    """A question whose replies were reread.

    Attributes:
        was: old outcome, with the code if it is no answer.
        now: new outcome, or the code of why rereading is impossible.
        after: new state, if it differs.
        before: old state, under the lookup's former name.
    """

    lookup: str
    key: str
    verdict: RereadResult
    was: str
    now: str
    fields: Sequence[FieldDifference] = ()
    after: LookupState | None = None
    before: LookupState | None = None

    @property
    def gap(self) -> bool:
        """Whether part of its reply was unreadable."""
        return self.before is not None and has_gap(self.before)

    @property
    def otherwise(self) -> bool:
        """Whether undoubted data changed or vanished."""
        before = self.before
        if before is None or before.code == WITHDRAWN:
            return False
        if before.record is None:
            return self.verdict in (RereadResult.DIFFERS, RereadResult.STAYS) and not self.gap
        if self.after is None or self.after.provenance is None:
            return self.verdict is RereadResult.STAYS
        was, now = set(_unknown(before) or ()), set(self.after.provenance.unknown or ())
        changes = [difference for difference in self.fields if not (was and difference.how is How.ADDED)]
        places = [of_each(path) for path in was]
        if now - was or any(not any(touch(difference.path, place) for place in places) for difference in changes):
            return True
        return self.after.record is not None and not keeps(before.record, self.after.record, places)


def has_gap(state: LookupState) -> bool:
    """Whether part of a question's replies was unreadable; False for withdrawn records."""
    return state.code != WITHDRAWN and (bool(_unknown(state)) if state.record else state.kind in _NO_ANSWER)


@dataclass(frozen=True, slots=True)
class Rereader:
    """Rereads kept replies with current plans. `guards` are by source, with started wires."""

    guards: Mapping[str, Guard]
    fan_out: int
    now: Callable[[], datetime]
    key_of: Callable[[str], str] = str

    async def read(
        self, case: Case, contract: CompletenessContract, rows: Sequence[ReplyRow], source: str | None = None
    ) -> list[Reread]:
        """Reread the kept replies of a case, newest first. `source` restricts them, during mass rereading."""
        kept: dict[tuple[str, str], list[ReplyRow]] = defaultdict(list)
        for row in rows:
            if source in (None, row.source):
                kept[contract.present.get(row.lookup, row.lookup), row.key].append(row)
        reading = _CaseReading(self, renamed(case, contract.present), kept, named=source is None)
        for node in contract.plan:
            await reading.go_over(node)
        written = {(state.lookup, state.key): state for state in case.states}
        former = {(contract.present.get(name, name), key): state for (name, key), state in written.items()}
        results = [
            replace(result, before=written.get((result.lookup, result.key)) or former.get((result.lookup, result.key)))
            for result in reading.results
        ]
        return [*results, *(_impossible(*key, reading.before.get(key), "reply.not_asked") for key in kept)]


@dataclass(slots=True)
class _CaseReading:
    """One case with unread replies and states so far, by lookup."""

    rereader: Rereader
    case: Case
    kept: dict[tuple[str, str], list[ReplyRow]]
    named: bool
    results: list[Reread] = field(default_factory=list)
    settled: dict[str, list[LookupState]] = field(default_factory=lambda: defaultdict(list))
    known: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))
    before: dict[tuple[str, str], LookupState] = field(init=False)

    def __post_init__(self) -> None:
        self.before = {(state.lookup, state.key): state for state in self.case.states}

    async def go_over(self, node: Node) -> None:
        """Reread the replies of a lookup, and record its state for dependent lookups."""
        name = node.lookup.name
        standings = {up: self._standing(up) for up in node.upstream}
        try:
            drafts = node.drafts(self.case.appeal, self.known, standings, self.rereader.fan_out, self.rereader.key_of)
        except BaseException as error:  # validators and `absent` of a query are the plugin's own
            if not is_defect(error):
                raise
            drafts = []
        for draft in drafts:
            state = self._before(name, draft)
            rows = self.kept.pop((name, draft.key if state is None else state.key), None)
            if rows and state is not None and draft.query is not None:
                result = await self._read(node, draft, state, rows)
                self.results.append(result)
                state = result.after or state
            if state is None:
                kind = OutcomeKind.SKIPPED if draft.outcome is None else draft.outcome.kind
                code = PENDING if draft.outcome is None else draft.outcome.code
                state = LookupState(name, draft.key, kind, self.rereader.now(), code)
            self.settled[name].append(state)
            if state.record is not None:
                lineage = {**draft.lineage, name: frozenset((draft.key,))}
                self.known[name].append(Known(state.record, lineage))

    def _before(self, name: str, draft: Draft) -> LookupState | None:
        """Return the state of a question, also under an outdated key of its query."""
        state = self.before.get((name, draft.key))
        if state is not None or draft.query is None:
            return state
        alike = (state for (lookup, _), state in self.before.items() if lookup == name)
        return next((state for state in alike if asked_with(state.inputs) == asked_with(draft.inputs)), None)

    def _standing(self, name: str) -> InputState:
        states = self.settled[name]
        how = ", ".join(sorted({state.kind.value for state in states}))
        return InputState(how, bool(self.known[name]), any(state.pending for state in states))

    async def _read(self, node: Node, draft: Draft, state: LookupState, rows: Sequence[ReplyRow]) -> Reread:
        """Read replies of a question, newest first, until one holds an answer."""
        guard = self.rereader.guards.get(node.lookup.source)
        if guard is None:
            return _impossible(node.lookup.name, draft.key, state, NOT_STARTED)
        problem, first, none_before = "", None, False
        for row in rows:
            if _is_older(row, state):
                break
            try:
                conversation = unpack(row.head, row.packed)
            except NotKept:
                problem = problem or "reply.damaged"
                continue
            ended = await guard.reread(_question(node, draft, self.case), conversation)
            outcome = provisional(node, ended)
            ended = replace(ended, outcome=outcome)
            if outcome.code in _UNREAD:
                problem = problem or outcome.code
            elif outcome.record is not None or (outcome.kind in _ANSWERS and state.record is None):
                return self._compared(state, row, ended, conversation)
            elif not _came_of(state, row):  # another attempt, which brought nothing, made the question stand so
                none_before = True
            elif outcome.kind in _ANSWERS:
                return self._compared(state, row, ended, conversation)
            else:
                first = first or self._compared(state, row, ended, conversation)
        if first is None and none_before and not problem:
            was = _told(state.kind, state.code)
            return Reread(node.lookup.name, draft.key, RereadResult.SAME, was, was, before=state)
        return first or _impossible(node.lookup.name, draft.key, state, problem or "reply.older")

    def _compared(self, state: LookupState, row: ReplyRow, ended: Ended, conversation: Conversation) -> Reread:
        outcome = ended.outcome
        is_old = state.code == STALE or (state.code == REFRESH_FAILED and outcome.code != PARTLY_READ)
        if is_old and outcome.kind in _ANSWERS and _came_of(state, row):  # read otherwise it is as old as before
            outcome = replace(outcome, code=state.code, reason=state.reason)
        fields = [] if state.record is None or outcome.record is None else differences(state.record, outcome.record)
        place = (state.lookup, state.key)
        was, now = _told(state.kind, state.code), _told(outcome.kind, outcome.code)
        same = state.record is not None and outcome.record and not fields and _unsure(state) == _unsure(ended)
        if (was == now and outcome.record is None) or same:
            return Reread(*place, RereadResult.SAME, was, now, before=state)
        withdrawn = state.code == WITHDRAWN and not self.named  # nobody has looked whether it is read rightly now
        if outcome.kind not in _ANSWERS or (state.record is not None and outcome.record is None) or withdrawn:
            return Reread(*place, RereadResult.STAYS, was, now, before=state)
        provenance = ended.provenance
        if provenance is not None:
            own = {
                "question_id": row.question_id,
                "asked_at": conversation.asked_at,
                "observed_at": row.at,
                "fresh_until": None,
                "reread_at": self.rereader.now(),
            }
            asked = state.provenance
            if asked is not None and _came_of(state, row):
                # Under which norm and over which wire it left is as it was.
                own |= {name: getattr(asked, name) for name in ("connector", "purpose", "legal_basis")}
            provenance = provenance.model_copy(update=own)
        after = replace(
            state,
            kind=outcome.kind,
            code=outcome.code,
            reason=outcome.reason,
            ended_at=self.rereader.now(),
            next_attempt_at=state.next_attempt_at if outcome.code in ASKED_ANEW else None,
            record=outcome.record,
            provenance=provenance,
            written=ended.written,
        )
        return Reread(*place, RereadResult.DIFFERS, was, now, fields, after, state)


def _came_of(state: LookupState, row: ReplyRow) -> bool:
    """Whether this reply led to the question's state."""
    return state.provenance is not None and state.provenance.question_id == row.question_id


def _is_older(row: ReplyRow, state: LookupState) -> bool:
    """Whether a later reply, which was not kept, has answered the question."""
    provenance = state.provenance
    return provenance is not None and state.kind in _ANSWERS and row.at < provenance.observed_at


def _told(kind: OutcomeKind, code: str) -> str:
    return kind.value if not code or (kind is OutcomeKind.FOUND and code != PARTLY_READ) else f"{kind.value} [{code}]"


def _unknown(of: LookupState | Ended) -> list[str] | None:
    return None if of.provenance is None else of.provenance.unknown


def _unsure(of: LookupState | Ended) -> tuple[list[str] | None, list[str] | None]:
    return _unknown(of), None if of.provenance is None else of.provenance.unchecked


def _impossible(lookup: str, key: str, state: LookupState | None, code: str) -> Reread:
    was = "" if state is None else _told(state.kind, state.code)
    return Reread(lookup, key, RereadResult.IMPOSSIBLE, was, code, before=state)


def _question(node: Node, draft: Draft, case: Case) -> Question:
    if draft.query is None:
        raise ValueError("this draft has ended already")
    return Question(
        lookup=node.lookup,
        query=draft.query,
        key=draft.key,
        inputs=draft.inputs,
        number=case.receipt.number,
        actor="",
        deadline=0.0,
        plugin=node.plugin,
        plugin_version=node.plugin_version,
        legal_basis=node.legal_basis,
        appeal_id=case.appeal_id,
    )
