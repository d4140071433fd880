"""Running the plan for one case: ask what is open, keep each outcome as it comes, leave what has ended alone."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import Case, KeptAnswer, LookupState
from appealbus.core.doors import is_defect
from appealbus.core.enrichment.retry import BUSY, after_defect, next_attempt
from appealbus.core.guards.attempts import LEFT_OUT
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Ended, Question
from appealbus.core.planning.lineage import Known
from appealbus.core.planning.plan import Draft, InputState, Node, Plan
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

Key = tuple[str, str]
_ANSWERED = frozenset({OutcomeKind.FOUND, OutcomeKind.NOT_FOUND, OutcomeKind.REFUSED})
_TURN = 5.0
"""Seconds that a question may wait for its turn, beside its call, where nobody waits for the answer."""

_LOST = 2
"""So often a question may leave without an end on record: then a suspect's turn leaves it out once."""


class Enrichment:
    """One run of the plan over one case."""

    def __init__(
        self,
        plan: Plan,
        guards: Mapping[str, Guard],
        retry: RetrySettings,
        *,
        actor: str,
        fan_out: int,
        now: Callable[[], datetime],
        keep: Callable[[Case, LookupState, str | None], Awaitable[None]],
        pause_from: Callable[[], datetime] | None = None,
        gives_up: Callable[[], bool] = lambda: True,
        mark: Callable[[Case, LookupState], Awaitable[bool]] | None = None,
    ) -> None:
        """Make it.

        Args:
            plan: which lookups are asked.
            guards: by source.
            retry: when a lookup is asked again.
            actor: who asks, for the access log.
            fan_out: the most questions of one lookup.
            now: the clock that what is due is counted by: the journal's.
            mark: has how a question stands on disk when it returns, or says that the appeal is another's.
            keep: writes down how a question ended, and lets go of the late answer with this id that it came from.
            pause_from: the clock that pauses are counted by; None: from the moment that a question ended at.
            gives_up: whether what is too old is given up now.

        """
        self._plan = plan
        self._guards = guards
        self._retry = retry
        self._actor = actor
        self._fan_out = fan_out
        self._now = now
        self._pause_from = pause_from
        self._gives_up = gives_up
        self._keep = keep
        self._mark = mark

    async def run(self, case: Case, deadline: float) -> dict[Key, LookupState]:
        """Ask what has not ended for good and is due, and all that this makes possible.

        Args:
            case: the appeal with what is known of it.
            deadline: on the event loop's clock; every question ends by then. Once a version is out nobody waits, and
                each question has its source's `guard.timeout` if that is longer.

        Returns:
            How every question of the plan stands now, in the order of the plan.

        """
        run = _Run(self, case, deadline)
        return await run.go()

    async def ask(
        self,
        case: Case,
        node: Node,
        draft: Draft,
        deadline: float,
        answer: KeptAnswer | None = None,
        *,
        anew: bool = False,
        leaving: Callable[[], Awaitable[bool]] | None = None,
        lost: bool = False,
    ) -> Ended:
        """Put one question through the guard of its source, or have the answer read that came to it by itself."""
        if draft.query is None:
            raise ValueError("this draft has ended already")
        question = Question(
            lookup=node.lookup,
            query=draft.query,
            key=draft.key,
            inputs=draft.inputs,
            number=case.receipt.number,
            actor=self._actor,
            deadline=deadline,
            plugin=node.plugin,
            plugin_version=node.plugin_version,
            legal_basis=node.legal_basis,
            appeal_id=case.appeal_id,
            answer=answer,
            anew=anew,
            leaving=leaving,
            lost=lost,
        )
        return await self._guards[node.lookup.source].ask(question)

    def defect(self, node: Node, error: BaseException) -> Outcome[Record]:
        """Tell and count what a lookup raised before its question could be put, and return the outcome."""
        return self._guards[node.lookup.source].defect(node.lookup, error)


class _Run:
    def __init__(self, engine: Enrichment, case: Case, deadline: float) -> None:
        self.engine = engine
        self.case = case
        self.deadline = deadline
        self.started = engine._now()
        self.old: dict[Key, LookupState] = {(s.lookup, s.key): s for s in case.states}
        self.answers: dict[Key, KeptAnswer] = {}
        for answer in case.answers:
            self.answers.setdefault((answer.lookup, answer.key), answer)
        self.alike: Counter[tuple[str, str | None]] = Counter()
        """Of a suspect: its questions by whose data they are about, which is what the access log knows them by."""
        self.now: dict[Key, LookupState] = {}
        self.records: dict[str, dict[str, Known]] = defaultdict(dict)
        self.keys: dict[str, list[str]] = {}
        self.settled: dict[str, list[LookupState]] = defaultdict(list)

    async def go(self) -> dict[Key, LookupState]:
        tasks: dict[str, list[asyncio.Task[None]]] = {}
        try:
            for node in self.engine._plan:
                waits = [task for name in node.upstream for task in tasks.get(name, ())]
                if waits:
                    tasks[node.lookup.name] = [asyncio.create_task(self._later(node, waits))]
                else:
                    asks = [asyncio.create_task(self._ask(node, draft)) for draft in self._settle(node)]
                    tasks[node.lookup.name] = asks
            for each in tasks.values():
                for task in each:
                    await task
        finally:
            for each in tasks.values():
                for task in each:
                    task.cancel()
        # What has been told stays told, though its question may not be asked any more.
        told = {key: state for key, state in self.old.items() if state.record is not None and key not in self.now}
        order = {node.lookup.name: i for i, node in enumerate(self.engine._plan)}
        states = {**self.now, **told}
        return dict(sorted(states.items(), key=lambda item: (order.get(item[0][0], len(order)), item[0])))

    async def _later(self, node: Node, waits: list[asyncio.Task[None]]) -> None:
        for task in waits:
            await task
        await asyncio.gather(*(self._ask(node, draft) for draft in self._settle(node)))

    def _settle(self, node: Node) -> list[Draft]:
        """Take over what has ended already; return what is to be asked."""
        name = node.lookup.name
        standings = {name: self._standing(name) for name in node.upstream}
        drafts = self._drafts(node, standings)
        self.keys[name] = [draft.key for draft in drafts]
        to_ask = []
        for draft in drafts:
            old = self.old.get((name, draft.key))
            if draft.outcome is not None:
                outcome = draft.outcome
                if old is None or (old.kind, old.code, old.reason) != (outcome.kind, outcome.code, outcome.reason):
                    ended_at = self.engine._now()
                    old = LookupState(
                        name, draft.key, outcome.kind, ended_at, outcome.code, outcome.reason, draft.inputs
                    )
                    if outcome.kind is OutcomeKind.INVALID:  # the lookup raised over its inputs
                        old = replace(old, next_attempt_at=after_defect(self.engine._retry, self.case, ended_at))
                self._set(old, draft)
            elif old is not None and not self._is_open(old):
                self._set(old, draft)
            else:
                to_ask.append(draft)
            if self.case.asked:
                self.alike[name, _subject(draft)] += 1
        return to_ask

    def _drafts(self, node: Node, standings: Mapping[str, InputState]) -> list[Draft]:
        # In the order of their questions, not of their answers: of too many, the same are left out each time.
        known = {
            up: [self.records[up][key] for key in self.keys[up] if key in self.records[up]] for up in node.upstream
        }
        try:
            return node.drafts(self.case.appeal, known, standings, self.engine._fan_out)
        except BaseException as error:  # validators and `absent` of a query are the plugin's own
            if not is_defect(error):
                raise
            return [Draft("", outcome=self.engine.defect(node, error))]

    def _standing(self, name: str) -> InputState:
        states = self.settled[name]
        how = ", ".join(sorted({state.kind.value for state in states}))
        return InputState(how, bool(self.records[name]), any(state.pending for state in states))

    def _is_open(self, state: LookupState) -> bool:
        asked_anew = state.kind in _ANSWERED and state.next_attempt_at is not None
        if state.kind.final and not asked_anew:
            return False
        if state.kind is OutcomeKind.SKIPPED or (state.lookup, state.key) in self.answers:
            return True
        return state.next_attempt_at is not None and state.next_attempt_at <= self.started

    def _is_lost(self, node: Node, draft: Draft) -> bool:
        """Say whether a suspect's question has left too often since it last ended: the access log has each time."""
        subject = _subject(draft) if self.case.asked else None
        if subject is None:
            return False
        old = self.old.get((node.lookup.name, draft.key))
        left = [
            row
            for row in self.case.asked
            if row.lookup == node.lookup.name and row.subject == subject and (old is None or row.at > old.ended_at)
        ]
        return len(left) >= _LOST * self.alike[node.lookup.name, subject]

    def _until(self, node: Node) -> float:
        if not self.case.version:
            return self.deadline
        timeout = self.engine._guards[node.lookup.source].timeout
        return max(self.deadline, asyncio.get_running_loop().time() + timeout + _TURN)

    async def _mark(self, node: Node, draft: Draft, old: LookupState | None) -> bool:
        """Note that a question leaves that must not leave twice: if nobody hears how it ends, a person decides."""
        if self.engine._mark is None:
            return True
        now = self.engine._now()
        state = LookupState(
            node.lookup.name,
            draft.key,
            OutcomeKind.TIMED_OUT,
            now,
            "end.unknown",
            "the question left, and how it ended is not known; it is not put twice by itself",
            draft.inputs,
            attempts=(old.attempts if old else 0) + 1,
            runs=(old.runs if old else 0) + 1,
            asked_at=now,
        )
        return await self.engine._mark(self.case, _kept(old, state))

    def _set(self, state: LookupState, draft: Draft) -> None:
        self.now[(state.lookup, state.key)] = state
        self.settled[state.lookup].append(state)
        if state.record is not None:
            lineage = {**draft.lineage, state.lookup: frozenset((state.key,))}
            self.records[state.lookup][state.key] = Known(state.record, lineage)

    async def _ask(self, node: Node, draft: Draft) -> None:
        answer = self.answers.get((node.lookup.name, draft.key)) if self.answers else None
        old = self.old.get((node.lookup.name, draft.key))
        anew = old is not None and old.kind.final
        leaving = None if node.lookup.idempotent else partial(self._mark, node, draft, old)
        until = self.deadline if answer else self._until(node)
        lost = self._is_lost(node, draft)
        ended = await self.engine.ask(self.case, node, draft, until, answer, anew=anew, leaving=leaving, lost=lost)
        outcome = ended.outcome
        state = LookupState(
            lookup=node.lookup.name,
            key=draft.key,
            kind=outcome.kind,
            ended_at=ended.ended_at,
            code=outcome.code,
            reason=outcome.reason,
            inputs=draft.inputs,
            attempts=(old.attempts if old else 0) + ended.attempts,
            runs=max(1, (old.runs if old else 0) + (not ended.read and outcome.code != BUSY)),
            asked_at=ended.asked_at or (old.asked_at if old else None),
            record=outcome.record,
            provenance=ended.provenance,
        )
        at = next_attempt(
            self.engine._retry,
            state,
            self.case.receipt.accepted_at,
            outcome.retry_after,
            now=self.engine._pause_from and self.engine._pause_from(),
            gives_up=self.engine._gives_up(),
        )
        if at is not None and (node.lookup.idempotent or not ended.attempts):
            state = replace(state, next_attempt_at=at)
        state = _kept(old, state)
        self._set(state, draft)
        if lost and outcome.code == LEFT_OUT.code:
            return  # it counts once this turn has ended: should the worker die in it, the next one leaves it out too
        await self.engine._keep(self.case, state, answer.question_id if answer and ended.read else None)


def _subject(draft: Draft) -> str | None:
    try:
        return None if draft.query is None else draft.query.subject()
    except Exception:  # the plugin's own; the guard tells of it
        return None


def _kept(old: LookupState | None, new: LookupState) -> LookupState:
    """Return the new state of a question; one that was found before and is not this time keeps its record."""
    if old is None or old.record is None or new.record is not None:
        return new
    reason = f"asked again and not found anew: {new.kind.value} [{new.code}]; the record is the one from before"
    return replace(
        old,
        code="refresh.failed",
        reason=reason,
        attempts=new.attempts,
        runs=new.runs,
        next_attempt_at=new.next_attempt_at,
    )
