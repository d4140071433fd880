"""One run over a case: the value that its steps hand on, the steps that load it, and the run of its plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from appealbus.core.clocks import monotonic
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.enrichment.carrying import Key, known_anew, renamed
from appealbus.core.enrichment.plan_run import Enrichment, PlanRun
from appealbus.core.guards.attempts import LEFT_OUT
from appealbus.core.journal import access, awaiting
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.due_dates import Counting
from appealbus.core.planning.contract import CompletenessContract
from appealbus.schemas.appeal import Appeal, AppealKind

Contracts = Mapping[AppealKind | None, CompletenessContract]
"""By kind of appeal; under None for kinds of another release."""


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One run over one case.

    Attributes:
        started: on the clock for waiting.
        answers_seen: ids of questions whose late answers are known; None if no source answers late.
        asked: how the plan's questions stand, once it has run.
    """

    case: Case
    contract: CompletenessContract
    started: float
    answers_seen: frozenset[str] | None = None
    asked: Mapping[Key, LookupState] = field(default_factory=dict)

    def left_out(self, states: Iterable[LookupState]) -> list[LookupState]:
        """Return questions skipped in a suspect's turn. Surviving without them proves nothing about the case."""
        return [] if self.case.deaths is None else [state for state in states if state.code == LEFT_OUT.code]


def begun(case: Case, contracts: Contracts) -> CaseRun:
    contract = contracts.get(case.appeal.kind, contracts[None])
    return CaseRun(renamed(case, contract.present), contract, monotonic())


def with_due_date(run: CaseRun, first: Appeal, counting: Counting) -> CaseRun:
    """Recompute the deadline: changes, law or calendar may differ from before."""
    case = run.case
    due_on = counting.due_on(case.appeal, first, case.receipt.accepted_at, case.kept_changes, before=case.due_on)
    return run if due_on == case.due_on else replace(run, case=replace(case, due_on=due_on))


async def with_answers(run: CaseRun, journal: Journal) -> CaseRun:
    answers = await journal.ask(awaiting.answers, run.case.appeal_id)
    case = renamed(replace(run.case, answers=tuple(answers)), run.contract.present)
    return replace(run, case=case, answers_seen=frozenset(answer.question_id for answer in answers))


async def with_left_questions(run: CaseRun, journal: Journal) -> CaseRun:
    """Read which questions were already sent: a worker may have died during one of them."""
    asked = await journal.ask(access.left_for_sources, run.case.receipt.number)
    return replace(run, case=replace(run.case, asked=tuple(asked)))


async def run_plan(run: CaseRun, enrichment: Enrichment) -> CaseRun:
    """Ask open questions; return the run with the states of all, and without those of former keys."""
    case = run.case
    asked = await PlanRun(enrichment, run.contract.plan, case, monotonic() + run.contract.wait).run()
    for state in (*run.left_out(asked.values()), *_newly_closed(case, asked.values())):
        await enrichment.keep(case, state, None, None)
    return replace(run, case=known_anew(case, asked), asked=asked)


def _newly_closed(case: Case, states: Iterable[LookupState]) -> list[LookupState]:
    """Return questions closed because the appeal has ended; they are not asked again."""
    if case.closed is None:
        return []
    before = {(state.lookup, state.key): state for state in case.states}
    return [state for state in states if before.get((state.lookup, state.key), state) != state]
