"""A run of a plan over one case: each question is asked as soon as its inputs are known."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime
from functools import partial

from appealbus.core.clocks import monotonic, wall
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import CLOSED, WITHDRAWN, Case, KeptAnswer, KeptReplies, LookupState
from appealbus.core.domain.pauses import HELD_BACK, PARTLY_READ, PROVISIONAL, REFRESH_FAILED, STALE
from appealbus.core.enrichment.carrying import Key, asked_with
from appealbus.core.enrichment.fields import provisional
from appealbus.core.enrichment.retry import BUSY, after_defect, next_attempt
from appealbus.core.guards.attempts import LEFT_OUT
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Ended, Question
from appealbus.core.planning.inputs import Draft, InputState, Known
from appealbus.core.planning.plan import Node, Plan
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.schemas.outcome import OutcomeKind

_NOT_PUT = HELD_BACK | {BUSY}
"""Codes of questions that were never sent; they do not lengthen the pauses."""
_ENDED = "nobody asks any more"
_ANSWERED = frozenset({OutcomeKind.FOUND, OutcomeKind.NOT_FOUND, OutcomeKind.REFUSED})
TURN = 5.0
"""Seconds that a question may queue once a version is out. With more, such cases block places for longer."""
_LOST = 2
"""Attempts without a recorded end before a suspect's turn skips a question. One may be innocent."""


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What the runs of all plans share."""

    guards: Mapping[str, Guard]
    """By source."""
    retry: RetrySettings
    _: KW_ONLY
    actor: str
    """Name in the access log."""
    fan_out: int
    now: Callable[[], datetime]
    """The journal's clock, by which questions are due."""
    keep: Callable[[Case, LookupState, str | None, KeptReplies | None], Awaitable[None]]
    """Saves the end of a question, with the id of its late answer, if any, and the replies, if they are kept."""
    pause_from: Callable[[], datetime] | None = None
    """Clock for the start of pauses; None: a pause starts at the end of the question."""
    gives_up: Callable[[], bool] = lambda: True
    """Whether questions of too old appeals are given up now."""
    key_of: Callable[[str], str] = str
    """Makes a question's key from its query's hash, which could otherwise be reversed."""
    mark: Callable[[Case, LookupState], Awaitable[bool]] | None = None
    """Saves a state and returns once it is on disk; False if another worker has the appeal."""


class PlanRun:
    """One run of a plan over one case.

    Attributes:
        deadline: on the clock for waiting. After the first version a question may use a longer `guard.timeout`.
        started: by the journal's clock.
        alike: of a suspect, the number of questions by lookup and subject, as told apart by the access log.
        settled: by lookup, for dependent inputs.
    """

    def __init__(self, enrichment: Enrichment, plan: Plan, case: Case, deadline: float) -> None:
        self._enrichment = enrichment
        self._plan = plan
        self.case = case
        self.deadline = deadline
        self.started = enrichment.now()
        self.before: dict[Key, LookupState] = {(state.lookup, state.key): state for state in case.states}
        self.answers: dict[Key, KeptAnswer] = {}
        for answer in case.answers:
            self.answers.setdefault((answer.lookup, answer.key), answer)
        self._closed_by = case.closed
        self.alike: Counter[tuple[str, str | None]] = Counter()
        self.states: dict[Key, LookupState] = {}
        self.records: dict[str, dict[str, Known]] = defaultdict(dict)
        self.keys: dict[str, list[str]] = {}
        self.settled: dict[str, list[LookupState]] = defaultdict(list)
        self._waiting = {node.lookup.name: node for node in plan}
        self._open: dict[_Asked, Callable[[], None]] = {}
        self._under_way: Counter[str] = Counter()  # by lookup
        self._came: asyncio.Queue[tuple[_Asked, Ended]] = asyncio.Queue()

    async def run(self) -> dict[Key, LookupState]:
        """Ask open questions that are due; return the states of all questions in the order of the plan."""
        try:
            self._go_on()
            while self._open:
                asked, ended = await self._came.get()
                del self._open[asked]
                await self._take(asked, ended)
                self._under_way[asked.node.lookup.name] -= 1
                if not self._under_way[asked.node.lookup.name]:
                    self._go_on()
        finally:
            for call_off in self._open.values():
                call_off()
        order = {node.lookup.name: i for i, node in enumerate(self._plan)}
        return dict(sorted(self.states.items(), key=lambda item: (order[item[0][0]], item[0])))

    def _go_on(self) -> None:
        """Ask the questions of each lookup whose inputs are complete."""
        for node in tuple(self._waiting.values()):
            if not any(name in self._waiting or self._under_way[name] for name in node.upstream):
                del self._waiting[node.lookup.name]
                for draft in self._settle(node):
                    self._put(node, draft)

    def _settle(self, node: Node) -> list[Draft]:
        """Take over finished questions of the lookup; return those to ask."""
        name = node.lookup.name
        drafts = self._drafts(node)
        self.keys[name] = [draft.key for draft in drafts]
        to_ask = []
        self._recognise(name, drafts)
        for draft in drafts:
            before = self.before.get((name, draft.key))
            if draft.outcome is not None:
                self._set(self._ended_unasked(name, draft, before), draft)
            elif self._is_over(name, draft, before):
                self._set(self._closed(name, draft, before), draft)
            elif before is not None and not self._is_open(before):
                self._set(before, draft)
            else:
                to_ask.append(draft)
            if self.case.asked:
                self.alike[name, _subject(draft)] += 1
        return to_ask

    def _recognise(self, name: str, drafts: list[Draft]) -> None:
        """Take over states of questions whose keys changed, for example with a new field of the query."""
        anew = [draft for draft in drafts if draft.query is not None and (name, draft.key) not in self.before]
        if not anew or all(lookup != name for lookup, _ in self.before):
            return
        known = {asked_with(state.inputs): state for (lookup, _), state in self.before.items() if lookup == name}
        for draft in anew:
            state = known.get(asked_with(draft.inputs))
            if state is None:
                continue
            self.before[name, draft.key] = _under(draft.key, state)
            if (name, state.key) in self.answers:
                self.answers.setdefault((name, draft.key), self.answers[name, state.key])

    def _drafts(self, node: Node) -> list[Draft]:
        standings = {name: self._standing(name) for name in node.upstream}
        # In the order of their questions, not of their answers: of too many, the same are left out each time.
        known = {
            up: [self.records[up][key] for key in self.keys[up] if key in self.records[up]] for up in node.upstream
        }
        try:
            return node.drafts(self.case.appeal, known, standings, self._enrichment.fan_out, self._enrichment.key_of)
        except BaseException as error:  # validators and `absent` of a query are the plugin's own
            if not is_defect(error):
                raise
            return [Draft("", outcome=self._enrichment.guards[node.lookup.source].defect(node.lookup, error))]

    def _ended_unasked(self, lookup: str, draft: Draft, before: LookupState | None) -> LookupState:
        """Return the state of a question that ends unasked, such as for lack of inputs."""
        outcome = draft.outcome
        if outcome is None:
            raise ValueError("this draft has to be asked")
        if before is not None and (before.kind, before.code, before.reason) == (
            outcome.kind,
            outcome.code,
            outcome.reason,
        ):
            return before
        ended_at = self._enrichment.now()
        state = LookupState(lookup, draft.key, outcome.kind, ended_at, outcome.code, outcome.reason, draft.inputs)
        if outcome.kind is OutcomeKind.INVALID:  # the lookup raised over its inputs
            state = replace(state, next_attempt_at=after_defect(self._enrichment.retry, self.case, ended_at))
        return state

    def _is_over(self, lookup: str, draft: Draft, before: LookupState | None) -> bool:
        """Whether a question is closed because the appeal has ended. Late answers are still read."""
        if self._closed_by is None or (lookup, draft.key) in self.answers:
            return False
        return before is None or before.next_attempt_at is not None or self._is_open(before)

    def _closed(self, lookup: str, draft: Draft, before: LookupState | None) -> LookupState:
        reason = f"{_ENDED}: the appeal was {self._closed_by}"
        if before is not None and (
            before.kind.final or before.record is not None or before.code in (CLOSED, WITHDRAWN)
        ):
            return replace(before, next_attempt_at=None, reason=reason if before.code in PROVISIONAL else before.reason)
        state = before or LookupState(lookup, draft.key, OutcomeKind.SKIPPED, self.started, inputs=draft.inputs)
        return replace(state, kind=OutcomeKind.SKIPPED, code=CLOSED, reason=reason, next_attempt_at=None)

    def _standing(self, name: str) -> InputState:
        states = self.settled[name]
        how = ", ".join(sorted({state.kind.value for state in states}))
        return InputState(how, bool(self.records[name]), any(state.pending for state in states))

    def _is_open(self, state: LookupState) -> bool:
        if state.next_attempt_at is None and (
            state.code == STALE or (state.code == PARTLY_READ and state.reason.startswith(_ENDED))
        ):  # the appeal had ended, and was taken up again
            return True
        asked_anew = state.kind in _ANSWERED and state.next_attempt_at is not None
        if state.kind.final and not asked_anew:
            return False
        if state.kind is OutcomeKind.SKIPPED or (state.lookup, state.key) in self.answers:
            return True
        return state.next_attempt_at is not None and state.next_attempt_at <= self.started

    def _is_lost(self, node: Node, draft: Draft) -> bool:
        """Whether a suspect's question was sent too often since its last end, by the access log."""
        subject = _subject(draft) if self.case.asked else None
        if subject is None:
            return False
        before = self.before.get((node.lookup.name, draft.key))
        now = wall()
        left = [
            row
            for row in self.case.asked
            if row.lookup == node.lookup.name
            and row.subject == subject
            # What was sent while the clock was ahead would come after each end, till then.
            and (before is None or before.ended_at < row.at <= now)
        ]
        return len(left) >= _LOST * self.alike[node.lookup.name, subject]

    def _until(self, node: Node) -> float:
        if not self.case.version:
            return self.deadline
        timeout = self._enrichment.guards[node.lookup.source].context.settings.timeout
        return max(self.deadline, monotonic() + timeout + TURN)

    async def _mark(self, node: Node, draft: Draft, before: LookupState | None) -> bool:
        """Record that a question that must not be repeated is about to be sent. If its end gets lost, a person decides.

        Returns False if another worker has the appeal; then it must not be sent.
        """
        if self._enrichment.mark is None:
            return True
        now = self._enrichment.now()
        state = LookupState(
            node.lookup.name,
            draft.key,
            OutcomeKind.TIMED_OUT,
            now,
            "end.unknown",
            "the question left, and how it ended is not known; it is not put twice by itself",
            draft.inputs,
            attempts=(before.attempts if before else 0) + 1,
            runs=(before.runs if before else 0) + 1,
            asked_at=now,
        )
        return await self._enrichment.mark(self.case, _kept(before, state))

    def _set(self, state: LookupState, draft: Draft) -> None:
        self.states[(state.lookup, state.key)] = state
        self.settled[state.lookup].append(state)
        if state.record is not None:
            lineage = {**draft.lineage, state.lookup: frozenset((state.key,))}
            self.records[state.lookup][state.key] = Known(state.record, lineage)

    def _put(self, node: Node, draft: Draft) -> None:
        if draft.query is None:
            raise ValueError("this draft has ended already")
        case, lookup = self.case, node.lookup
        answer = self.answers.get((lookup.name, draft.key)) if self.answers else None
        before = self.before.get((lookup.name, draft.key))
        lost = self._is_lost(node, draft)
        asked = _Asked(node, draft, before, answer, lost)
        question = Question(
            lookup=lookup,
            query=draft.query,
            key=draft.key,
            inputs=draft.inputs,
            number=case.receipt.number,
            actor=self._enrichment.actor,
            deadline=self.deadline if answer else self._until(node),
            plugin=node.plugin,
            plugin_version=node.plugin_version,
            legal_basis=node.legal_basis,
            appeal_id=case.appeal_id,
            answer=answer,
            anew=before is not None and (before.kind.final or before.code == WITHDRAWN),
            leaving=None if lookup.idempotent else partial(self._mark, node, draft, before),
            lost=lost,
            due_on=case.due_on,
            first=case.is_first,
        )
        self._under_way[lookup.name] += 1
        guard = self._enrichment.guards[lookup.source]
        self._open[asked] = guard.put(question, lambda ended: self._came.put_nowait((asked, ended)))

    async def _take(self, asked: "_Asked", ended: Ended) -> None:
        answer = asked.answer
        state = self._state(asked.node, asked.draft, asked.before, ended)
        self._set(state, asked.draft)
        if asked.lost and ended.outcome.code == LEFT_OUT.code:
            # That it was left out is written when this turn has ended. Should the worker die before, the next turn
            # leaves the question out, too.
            return
        read = answer.question_id if answer and ended.read else None
        await self._enrichment.keep(self.case, state, read, ended.replies)

    def _state(self, node: Node, draft: Draft, before: LookupState | None, ended: Ended) -> LookupState:
        """Return the state of an asked question, with the time of its next attempt."""
        outcome, enrichment = provisional(node, ended), self._enrichment
        state = LookupState(
            lookup=node.lookup.name,
            key=draft.key,
            kind=outcome.kind,
            ended_at=ended.ended_at,
            code=outcome.code,
            reason=outcome.reason,
            inputs=draft.inputs,
            attempts=(before.attempts if before else 0) + ended.attempts,
            runs=max(1, (before.runs if before else 0) + (not ended.read and outcome.code not in _NOT_PUT)),
            asked_at=ended.asked_at or (before.asked_at if before else None),
            record=outcome.record,
            provenance=ended.provenance,
            question=ended.question,
            tries=ended.tries,
            written=ended.written,
        )
        open_by = ended.stale or outcome
        if outcome.code == PARTLY_READ:
            fresh_until = None if ended.provenance is None else ended.provenance.fresh_until
            open_by = replace(outcome, kind=OutcomeKind.INVALID, record=None, not_before=fresh_until)
        at = next_attempt(
            enrichment.retry,
            state if open_by is outcome else replace(state, kind=open_by.kind, code=open_by.code),
            self.case.receipt.accepted_at,
            open_by.retry_after,
            not_before=open_by.not_before,
            now=enrichment.pause_from and enrichment.pause_from(),
            gives_up=enrichment.gives_up(),
        )
        if at is not None and (node.lookup.idempotent or not ended.attempts):
            state = replace(state, next_attempt_at=at)
        return _kept(before, state)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    node: Node
    draft: Draft
    before: LookupState | None
    answer: KeptAnswer | None
    lost: bool


def _subject(draft: Draft) -> str | None:
    try:
        return None if draft.query is None else draft.query.subject()
    except Exception:  # the plugin's own code; the guard logs what it raises
        return None


def _under(key: str, state: LookupState) -> LookupState:
    anew = replace(state, key=key)
    return anew if state.fact is None or not state.is_kept else anew.kept(state.fact)


def _kept(before: LookupState | None, new: LookupState) -> LookupState:
    """Return the new state; without an answer this time, an earlier answer is kept."""
    if before is None or new.record is not None or (before.code == STALE and new.kind in _ANSWERED):
        return new
    if before.record is None and (new.kind.final or (before.kind not in _ANSWERED and before.code != WITHDRAWN)):
        return new
    stays = "record" if before.record is not None else "answer"
    reason = f"asked again and not found anew: {new.kind.value} [{new.code}]; the {stays} is the one from before"
    kept = replace(
        before,
        ended_at=new.ended_at,
        code=REFRESH_FAILED if before.record is not None and before.code not in PROVISIONAL else before.code,
        reason=before.reason if before.code == WITHDRAWN else reason,
        attempts=new.attempts,
        runs=new.runs,
        next_attempt_at=new.next_attempt_at,
        question=new.question,
        tries=new.tries,
    )
    return kept if before.fact is None else kept.kept(before.fact)
