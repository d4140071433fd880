"""Work on cases: one run loads a case, asks its open questions, and concludes with a version of its dossier."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from appealbus.core.bus.delivery.relay import Relay
from appealbus.core.bus.work.case_run import (
    CaseConclusion,
    begun,
    run_plan,
    with_answers,
    with_due_date,
    with_left_questions,
)
from appealbus.core.bus.work.dispatcher import RunEnd
from appealbus.core.config.models import Configuration
from appealbus.core.domain.case import Case, KeptReplies, LookupState
from appealbus.core.domain.known import KnownLookup
from appealbus.core.enrichment.assembly import outcome_of
from appealbus.core.enrichment.plan_run import TURN, Enrichment
from appealbus.core.errors import JournalError
from appealbus.core.guards.guard import Guard
from appealbus.core.journal import awaiting, keeping
from appealbus.core.journal.errors import LeaseLost, VersionConflict
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.hookspecs import Hooks
from appealbus.core.loading.parts import Parts
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.core.preparation.changing import with_changes
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)

_FAILED = frozenset({OutcomeKind.REFUSED, OutcomeKind.UNAVAILABLE, OutcomeKind.TIMED_OUT, OutcomeKind.INVALID})


class Casework:
    """Works on many cases at once; an exception in one run does not stop the others."""

    def __init__(
        self,
        settings: Configuration,
        parts: Parts,
        journal: Journal,
        guards: Mapping[str, Guard],
        relays: Sequence[Relay],
        *,
        owner: str,
    ) -> None:
        """`owner` is this worker's name; its writes count only while it holds the case's lease."""
        self.contracts = parts.contracts.known_to()
        """By kind of appeal, from the plugins known to have worked this journal."""
        self._parts = parts
        self._journal = journal
        self._guards = guards
        self._owner = owner
        self._tells_outcomes = parts.host.listens(Hooks.lookup_ended)
        self._enrichment = Enrichment(
            guards,
            settings.retry,
            actor=settings.bus.actor,
            fan_out=settings.bus.max_fan_out,
            now=journal.now,
            keep=self._keep,
            pause_from=journal.now,
            gives_up=lambda: journal.doubt is None,
            mark=self._mark,
            key_of=journal.key.question,
        )
        self._conclusion = CaseConclusion(settings, parts.host, journal, relays, owner=owner)
        self._answer_later = {name for name, bound in parts.sources.items() if bound.wire.answers_async}
        self.dossiers, self.delays = self._conclusion.dossiers, self._conclusion.delays

    @property
    def longest_run(self) -> float:
        """Upper bound in seconds, if all questions are asked one after the other."""
        wait = max(contract.wait for contract in self.contracts.values())
        return wait + sum(
            self._guards[node.lookup.source].context.settings.timeout + TURN for node in self._parts.nodes
        )

    def learn(self, known: Sequence[KnownLookup]) -> None:
        self.contracts = self._parts.contracts.known_to(known)

    async def work(self, case: Case) -> RunEnd:
        run = begun(case, self.contracts)
        try:
            # Each step returns the run as it stands then; an exception concludes what the last one has returned.
            if case.changes:
                run = begun(await asyncio.to_thread(with_changes, case), self.contracts)
            if not case.just_came or case.due_on is None:
                run = with_due_date(run, case.first or case.appeal, self._parts.host.counting)
            if not self._answer_later.isdisjoint(run.contract.sources.values()):
                run = await with_answers(run, self._journal)
            if case.deaths is not None:
                run = await with_left_questions(run, self._journal)
            run = await run_plan(run, self._enrichment)
            return await self._conclusion.conclude(run)
        except (LeaseLost, VersionConflict) as error:
            # Another worker has the case, or it is concluded already, by a commit whose answer was lost.
            log.warning("case.superseded", number=case.receipt.number, code=error.code)
            return RunEnd(written=False)
        except JournalError as error:
            if not error.passes:
                return await self._conclusion.fail(run)
            log.warning("case.given_back", number=case.receipt.number, code=error.code)
            return RunEnd(written=False)
        except BaseException as error:
            if not is_defect(error):
                raise
            return await self._conclusion.fail(run)

    async def _keep(self, case: Case, state: LookupState, answered: str | None, replies: KeptReplies | None) -> None:
        """Save the state of a question, and mark the late answer with the id `answered` as read."""
        if answered is None:
            await self._journal.post(keeping.Keep(case.appeal_id, state, owner=self._owner, replies=replies))
        else:
            await self._journal.post(awaiting.Read(case.appeal_id, state, answered, owner=self._owner, replies=replies))
        state.kept()
        if state.kind in _FAILED:
            log.info(
                "question.failed",
                number=case.receipt.number,
                lookup=state.lookup,
                kind=state.kind.value,
                code=state.code,
                attempts=state.attempts,
                question_id=state.question or None,  # none where nothing left
            )
        if self._tells_outcomes:
            self._parts.host.lookup_ended(case.receipt.number, outcome=outcome_of(state))

    async def _mark(self, case: Case, state: LookupState) -> bool:
        return await self._journal.do(keeping.Keep(case.appeal_id, state, owner=self._owner, marked=()))
