"""Work on cases: one run asks open questions, assesses the dossier, and writes its next version."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from appealbus.core.bus.delays import DelayTally
from appealbus.core.bus.delivery.region import region_of
from appealbus.core.bus.delivery.relay import Relay
from appealbus.core.bus.work.dispatcher import RunEnd
from appealbus.core.bus.work.history_comparison import Recalling
from appealbus.core.clocks import monotonic, wall
from appealbus.core.config.models import Configuration
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.known import KnownLookup
from appealbus.core.domain.replies import KeptReplies
from appealbus.core.enrichment.assembly import Told, assemble, completeness_of, outcome_of, same_record, to_keep, unkept
from appealbus.core.enrichment.carrying import Before, Key, Whole, known_anew, renamed, whole
from appealbus.core.enrichment.enrichment import Enrichment
from appealbus.core.enrichment.plan_run import TURN, PlanRun
from appealbus.core.enrichment.retry import after_defect
from appealbus.core.errors import JournalError
from appealbus.core.guards.attempts import LEFT_OUT
from appealbus.core.guards.guard import Guard
from appealbus.core.journal import access, awaiting, documents, keeping
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.codec import pending_of, worst_severity
from appealbus.core.journal.errors import LeaseLost, VersionConflict
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.hookspecs import Hooks
from appealbus.core.loading.parts import Parts
from appealbus.core.planning.contract import CompletenessContract
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.core.preparation.changing import with_changes
from appealbus.core.process.failpoints import failpoint
from appealbus.schemas.appeal import Appeal, AppealKind
from appealbus.schemas.dossier import Completeness, Dossier
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)

_FAILED = frozenset({OutcomeKind.REFUSED, OutcomeKind.UNAVAILABLE, OutcomeKind.TIMED_OUT, OutcomeKind.INVALID})


class Casework:
    """Runs the plans of many cases at once; an exception in one run does not stop the others."""

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
        self.settings = settings
        self.parts = parts
        self.journal = journal
        self.relays = relays
        self.guards = guards
        self.recalling = Recalling(parts.host, journal)
        self.owner = owner
        self.dossiers: Counter[str] = Counter()
        self.delays = {"first": DelayTally(), "complete": DelayTally()}
        """Time from acceptance to the first version, and to the first complete one."""
        self.contracts = parts.contracts.known_to()
        """By kind of appeal, from the plugins known to have worked this journal."""
        self._tells_outcomes = parts.host.listens(Hooks.lookup_ended)
        self._answered_later = {
            kind
            for kind, contract in self.contracts.items()
            if any(parts.sources[node.lookup.source].wire.answers_async for node in contract.plan)
        }
        self._enrichments = {
            kind: Enrichment(
                contract.plan,
                guards,
                settings.retry,
                actor=settings.bus.actor,
                fan_out=settings.bus.max_fan_out,
                now=journal.now,
                keep=self.keep,
                pause_from=journal.now,
                gives_up=lambda: journal.doubt is None,
                mark=self._mark,
                key_of=journal.key.question,
            )
            for kind, contract in self.contracts.items()
        }

    @property
    def longest_run(self) -> float:
        """Upper bound in seconds, if all questions are asked one after the other."""
        wait = max(contract.wait for contract in self.contracts.values())
        return wait + sum(self.guards[node.lookup.source].timeout + TURN for node in self.parts.nodes)

    def learn(self, known: Sequence[KnownLookup]) -> None:
        self.contracts = self.parts.contracts.known_to(known)

    async def work(self, case: Case) -> RunEnd:
        run = self._run_over(case)
        try:
            if case.changes:
                run = self._run_over(await asyncio.to_thread(with_changes, case))
            if not case.just_came or case.due_on is None:
                run.case = self._due(run.case, case.first or case.appeal)
            kind = self.kind_of(run.case)
            if kind in self._answered_later:
                await run.read_answers()
            if case.deaths is not None:
                await run.read_left_questions()
            deadline = monotonic() + self.contracts[kind].wait
            return await run.conclude(await PlanRun(self._enrichments[kind], run.case, deadline).run())
        except (LeaseLost, VersionConflict) as error:
            # Another worker has the case, or it is concluded already, by a commit whose answer was lost.
            log.warning("case.superseded", number=case.receipt.number, code=error.code)
            return RunEnd(written=False)
        except JournalError as error:
            if not error.passes:
                return await run.fail()
            log.warning("case.given_back", number=case.receipt.number, code=error.code)
            return RunEnd(written=False)
        except BaseException as error:
            if not is_defect(error):
                raise
            return await run.fail()

    def _due(self, case: Case, first: Appeal) -> Case:
        """Recompute the deadline: changes, law or calendar may differ from before."""
        due_on = self.parts.host.counting.due_on(
            case.appeal, first, case.receipt.accepted_at, case.kept_changes, before=case.due_on
        )
        return case if due_on == case.due_on else replace(case, due_on=due_on)

    def _run_over(self, case: Case) -> "CaseRun":
        contract = self.contracts[self.kind_of(case)]
        return CaseRun(self, renamed(case, contract.present), contract)

    def kind_of(self, case: Case) -> AppealKind | None:
        """None if the kind belongs to another release."""
        return case.appeal.kind if case.appeal.kind in self.contracts else None

    async def keep(
        self, case: Case, state: LookupState, answered: str | None, replies: KeptReplies | None = None
    ) -> None:
        """Save the state of a question, and mark the late answer with the id `answered` as read."""
        if answered is None:
            await self.journal.post(keeping.Keep(case.appeal_id, state, owner=self.owner, replies=replies))
        else:
            await self.journal.post(awaiting.Read(case.appeal_id, state, answered, owner=self.owner, replies=replies))
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
            self.parts.host.lookup_ended(case.receipt.number, outcome=outcome_of(state))

    async def _mark(self, case: Case, state: LookupState) -> bool:
        return await self.journal.do(keeping.Keep(case.appeal_id, state, owner=self.owner, marked=()))


class CaseRun:
    """One run over one case.

    Attributes:
        started: on the clock for waiting.
        answers_seen: ids of questions whose late answers are known; None if no source answers late.
    """

    def __init__(self, casework: Casework, case: Case, contract: CompletenessContract) -> None:
        self.case = case
        self._contract = contract
        self.started = monotonic()
        self.answers_seen: frozenset[str] | None = None
        self._was_complete = False
        self._unassessed: frozenset[str] = frozenset()
        self._casework, self._journal = casework, casework.journal

    async def read_answers(self) -> None:
        answers = await self._journal.ask(awaiting.answers, self.case.appeal_id)
        self.case = renamed(replace(self.case, answers=tuple(answers)), self._contract.present)
        self.answers_seen = frozenset(answer.question_id for answer in answers)

    async def read_left_questions(self) -> None:
        """Read which questions were already sent: a worker may have died during one of them."""
        asked = await self._journal.ask(access.left_for_sources, self.case.receipt.number)
        self.case = replace(self.case, asked=tuple(asked))

    async def conclude(self, asked: Mapping[Key, LookupState]) -> RunEnd:
        """Write the next version of the dossier if anything has changed.

        Raises:
            LeaseLost: another worker has the case.
            VersionConflict: the version exists already.
            JournalError: nothing could be written.
        """
        case = self.case
        for state in (*self._left_out(asked.values()), *self._newly_closed(asked.values())):
            await self._casework.keep(case, state, None)
        due_at = min((state.next_attempt_at for state in asked.values() if state.next_attempt_at), default=None)
        case = self.case = known_anew(case, asked)
        told = await self._told(asked)
        self._was_complete = told is not None and told.completeness is Completeness.COMPLETE
        known = self._whole(asked, told)
        # Less is carried than before: of two workers that lack different lookups none makes a version for the other.
        same = told is not None and told.tells(case.notes) and not set(known.carried) < told.not_asked
        # An older release had no word for what is settled: the next version has.
        settled = completeness_of(known.states, self._contract) is Completeness.SETTLED
        same = same and told is not None and (not settled or told.completeness is Completeness.SETTLED)
        same = same and told is not None and await self._says_the_same(told, known.states)
        self._unassessed = frozenset() if told is None else told.unassessed
        if same and not self._unassessed:
            return await self._put_off(known, due_at)
        return await self._publish(known, due_at, same=same)

    async def _told(self, asked: Mapping[Key, LookupState]) -> Told | None:
        case = self.case
        previous = await self._journal.version(case.appeal_id, case.version) if case.version else None
        return None if previous is None else Told(previous, self._contract.present, [*case.states, *asked.values()])

    def _whole(self, asked: Mapping[Key, LookupState], told: Told | None) -> Whole:
        return whole(self.case, asked, self._contract, told.before if told else Before(), self._journal.now())

    async def _says_the_same(self, told: Told, states: Sequence[LookupState]) -> bool:
        others = told.others(states)
        if not others:
            return others is not None
        before = await self._journal.ask(documents.bodies, self.case.appeal_id, [digest for _, digest in others])
        return all(digest in before and same_record(before[digest], fact.body) for fact, digest in others)

    async def fail(self) -> RunEnd:
        """Log the exception of a run and postpone the case, so that one appeal cannot stop the others."""
        log.exception("case.failed", number=self.case.receipt.number)
        try:
            return await self._after_defect()
        except JournalError:
            return RunEnd(written=False)

    async def _after_defect(self) -> RunEnd:
        case, journal = self.case, self._journal
        gives_up = journal.doubt is None
        again = after_defect(self._casework.settings.retry, case, journal.now(), gives_up=gives_up)
        if again is None and not case.version:
            # Too old for another try, and there is no version yet: deliver what there is.
            states = {(state.lookup, state.key): state for state in case.states}
            return await self._publish(replace(self._whole(states, None), cut_off=True), None)
        return await self._end(Completeness.PARTIAL, again, case.states)

    async def _publish(self, known: Whole, due_at: datetime | None, *, same: bool = False) -> RunEnd:
        host, states = self._casework.parts.host, known.states
        recalled = await self._casework.recalling.signals(self.case.appeal_id, self.case.appeal)
        dossier = assemble(
            self.case,
            known,
            self._contract,
            host.assessors,
            wall(),
            defects=host.defects,
            epoch=self._journal.epoch,
            recalled=recalled,
        )
        lost = self._unassessed - host.assessors.keys() - set(self._casework.settings.bus.retired)
        if lost:  # of this worker alone, in a rolling release, or their plugin is broken
            dossier = dossier.model_copy(update={"unassessed": [*dossier.unassessed, *sorted(lost)]})
        if same and self._unassessed.issubset(dossier.unassessed):
            return await self._put_off(known, due_at)
        self._unassessed = frozenset(dossier.unassessed)
        failpoint("bus.before_conclude")
        end = await self._end(
            dossier.completeness, due_at, states, dossier, doubted=bool(self._left_out(states)), known=known
        )
        failpoint("bus.concluded")
        self._count(dossier)
        for relay in self._casework.relays:
            relay.wake()
        host.dossier_ready(dossier)
        self._log(dossier, states)
        return end

    def _count(self, dossier: Dossier) -> None:
        casework = self._casework
        casework.dossiers[dossier.completeness.value] += 1
        seconds = (self._journal.now() - self.case.receipt.accepted_at).total_seconds()
        if dossier.version == 1:
            casework.delays["first"].took(seconds)
        if dossier.completeness is Completeness.COMPLETE and not self._was_complete:
            casework.delays["complete"].took(seconds)

    async def _put_off(self, known: Whole, due_at: datetime | None) -> RunEnd:
        completeness = completeness_of(known.states, self._contract)
        doubted = bool(self._left_out(known.states))
        return await self._end(completeness, due_at, known.states, doubted=doubted, known=known)

    async def _end(
        self,
        completeness: Completeness,
        due_at: datetime | None,
        states: Sequence[LookupState],
        dossier: Dossier | None = None,
        *,
        doubted: bool = False,
        known: Whole | None = None,
    ) -> RunEnd:
        """Write the end of a run. Without `known`, as after an exception, data that was not loaded may be missing."""
        missing = self._contract.missing
        found = {(state.lookup, state.key) for state in states if state.record is not None}
        carried = {name for name, _ in found.intersection(known.carried if known else found)}
        lacks = sorted(missing) if known is None else known.lacks
        version = None if dossier is None else to_keep(dossier, self.case, states)
        ready = await self._journal.conclude(
            Conclusion(
                self.case.appeal_id,
                dossier=version.skeleton if version else None,
                version=dossier.version if dossier else self.case.version,
                completeness=completeness,
                parts=version.parts if version else None,
                size=version.size if version else 0,
                documents=unkept(states) if version else (),
                receivers=[relay.name for relay in self._casework.relays] if version else (),
                due_at=due_at,
                region=region_of(self.case.appeal) if version else "",
                answers_seen=self.answers_seen,
                owner=self._casework.owner,
                changes_seen=self.case.changes,
                form=self.case.form,
                signal=None if dossier is None else worst_severity(signal.severity for signal in dossier.signals),
                pending=pending_of(states),
                doubted=doubted,
                lacks=lacks,
                carried=sorted(carried & (missing.keys() | self._contract.retired) - set(lacks)),
                unassessed=None if known is None else sorted(self._unassessed),
                misdated=self.case.misdated,
                waits_for=self._waits_for(states),
                plan=self._contract.digest,
                due_on=self.case.due_on,
            )
        )
        return RunEnd(due_at, ready=ready)

    def _waits_for(self, states: Iterable[LookupState]) -> list[str]:
        sources = self._contract.sources
        return sorted({sources[s.lookup] for s in states if s.next_attempt_at is not None and s.lookup in sources})

    def _left_out(self, states: Iterable[LookupState]) -> list[LookupState]:
        """Return questions skipped in a suspect's turn. Surviving without them proves nothing about the case."""
        return [] if self.case.deaths is None else [state for state in states if state.code == LEFT_OUT.code]

    def _newly_closed(self, states: Iterable[LookupState]) -> list[LookupState]:
        """Return questions closed because the appeal has ended; they are not asked again."""
        if self.case.closed is None:
            return []
        before = {(state.lookup, state.key): state for state in self.case.states}
        return [state for state in states if before.get((state.lookup, state.key), state) != state]

    def _log(self, dossier: Dossier, states: Sequence[LookupState]) -> None:
        log.info(
            "appeal.enriched",
            number=dossier.number,
            version=dossier.version,
            completeness=dossier.completeness.value,
            outcomes=dict(Counter(state.kind.value for state in states)),
            signals=len(dossier.signals),
            warnings=len(self.case.appeal.warnings),
            duration_ms=round((monotonic() - self.started) * 1000, 1),
        )
