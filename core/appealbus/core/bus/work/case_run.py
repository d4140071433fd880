"""One run over a case: the steps that load it, the run of its plan, and the dossier's next version."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from appealbus.core.bus.counters import DelayTally
from appealbus.core.bus.delivery.receiver import region_of
from appealbus.core.bus.delivery.relay import Relay
from appealbus.core.bus.work.dispatcher import RunEnd
from appealbus.core.bus.work.history_comparison import Recalling
from appealbus.core.clocks import monotonic, wall
from appealbus.core.config.models import Configuration
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.enrichment.assembly import VersionContent, assemble, completeness_of, same_record, to_keep, unkept
from appealbus.core.enrichment.carrying import Before, Key, Whole, known_anew, renamed, whole
from appealbus.core.enrichment.plan_run import Enrichment, PlanRun
from appealbus.core.enrichment.retry import after_defect
from appealbus.core.errors import JournalError
from appealbus.core.guards.attempts import LEFT_OUT
from appealbus.core.journal import access, awaiting, documents
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.codec import pending_of, worst_severity
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.due_dates import Counting
from appealbus.core.loading.host import Host
from appealbus.core.planning.contract import CompletenessContract
from appealbus.core.process.failpoints import failpoint
from appealbus.schemas.appeal import Appeal, AppealKind
from appealbus.schemas.dossier import Completeness, Dossier

log = structlog.get_logger(__name__)

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


class CaseConclusion:
    """Concludes the runs of many cases, and counts their versions."""

    def __init__(
        self, settings: Configuration, host: Host, journal: Journal, relays: Sequence[Relay], *, owner: str
    ) -> None:
        self.dossiers: Counter[str] = Counter()
        self.delays = {"first": DelayTally(), "complete": DelayTally()}
        """Time from acceptance to the first version, and to the first complete one."""
        self._settings = settings
        self._host = host
        self._journal = journal
        self._relays = relays
        self._recalling = Recalling(host, journal)
        self._owner = owner

    async def conclude(self, run: CaseRun) -> RunEnd:
        """Write the next version of the dossier if anything has changed.

        Raises:
            LeaseLost: another worker has the case.
            VersionConflict: the version exists already.
            JournalError: nothing could be written.
        """
        due_at = min((state.next_attempt_at for state in run.asked.values() if state.next_attempt_at), default=None)
        before = await self._told(run)
        known = self._whole(run, before)
        same = before is not None and await self._says_the_same(before, known, run)
        if before is not None and same and not before.unassessed:
            completeness = completeness_of(known.states, run.contract)
            return await self._end(run, known, completeness, due_at, unassessed=before.unassessed)
        return await self._publish(run, known, due_at, before, same=same)

    async def fail(self, run: CaseRun) -> RunEnd:
        """Log the exception of a run and postpone the case, so that one appeal cannot stop the others."""
        log.exception("case.failed", number=run.case.receipt.number)
        try:
            return await self._after_defect(run)
        except JournalError:
            return RunEnd(written=False)

    async def _told(self, run: CaseRun) -> VersionContent | None:
        case = run.case
        previous = await self._journal.version(case.appeal_id, case.version) if case.version else None
        states = [*case.states, *run.asked.values()]
        return None if previous is None else VersionContent(previous, run.contract.present, states)

    def _whole(self, run: CaseRun, told: VersionContent | None) -> Whole:
        return whole(run.case, run.asked, run.contract, told.before if told else Before(), self._journal.now())

    async def _says_the_same(self, told: VersionContent, known: Whole, run: CaseRun) -> bool:
        # Less is carried than before: of two workers that lack different lookups none makes a version for the other.
        if not told.tells(run.case.notes) or set(known.carried) < told.not_asked:
            return False
        # An older release had no word for what is settled: the next version has.
        settled = completeness_of(known.states, run.contract) is Completeness.SETTLED
        if settled and told.completeness is not Completeness.SETTLED:
            return False
        others = told.others(known.states)
        if not others:
            return others is not None
        before = await self._journal.ask(documents.bodies, run.case.appeal_id, [digest for _, digest in others])
        return all(digest in before and same_record(before[digest], fact.body) for fact, digest in others)

    async def _after_defect(self, run: CaseRun) -> RunEnd:
        case, journal = run.case, self._journal
        again = after_defect(self._settings.retry, case, journal.now(), gives_up=journal.doubt is None)
        states = {(state.lookup, state.key): state for state in case.states}
        if again is None and not case.version:
            # Too old for another try, and there is no version yet: deliver what there is.
            known = self._whole(replace(run, asked=states), None)
            return await self._publish(run, replace(known, cut_off=True), None, None)
        # Data that was not loaded may be missing.
        known = Whole(case.states, carried=states, lacks=sorted(run.contract.missing))
        return await self._end(run, known, Completeness.PARTIAL, again)

    async def _publish(
        self, run: CaseRun, known: Whole, due_at: datetime | None, told: VersionContent | None, *, same: bool = False
    ) -> RunEnd:
        host, case = self._host, run.case
        recalled = await self._recalling.signals(case.appeal_id, case.appeal)
        dossier = assemble(
            case,
            known,
            run.contract,
            host.assessors,
            wall(),
            defects=host.defects,
            epoch=self._journal.epoch,
            recalled=recalled,
        )
        unassessed = frozenset[str]() if told is None else told.unassessed
        lost = unassessed - host.assessors.keys() - set(self._settings.bus.retired)
        if lost:  # of this worker alone, in a rolling release, or their plugin is broken
            dossier = dossier.model_copy(update={"unassessed": [*dossier.unassessed, *sorted(lost)]})
        if same and unassessed.issubset(dossier.unassessed):
            return await self._end(run, known, dossier.completeness, due_at, unassessed=unassessed)
        failpoint("bus.before_conclude")
        end = await self._end(run, known, dossier.completeness, due_at, unassessed=dossier.unassessed, dossier=dossier)
        failpoint("bus.concluded")
        self._count(run, dossier, told)
        for relay in self._relays:
            relay.wake()
        host.dossier_ready(dossier)
        _log(run, dossier, known.states)
        return end

    async def _end(
        self,
        run: CaseRun,
        known: Whole,
        completeness: Completeness,
        due_at: datetime | None,
        *,
        unassessed: Collection[str] | None = None,
        dossier: Dossier | None = None,
    ) -> RunEnd:
        """Write the end of a run. Without `unassessed`, as after an exception, that stays as it was."""
        case, contract, states = run.case, run.contract, known.states
        answered = {(state.lookup, state.key) for state in states if state.record is not None}
        carried = {name for name, _ in answered.intersection(known.carried)}
        version = None if dossier is None else to_keep(dossier, case, states)
        ready = await self._journal.conclude(
            Conclusion(
                case.appeal_id,
                dossier=version.skeleton if version else None,
                version=dossier.version if dossier else case.version,
                completeness=completeness,
                parts=version.parts if version else None,
                size=version.size if version else 0,
                documents=unkept(states) if version else (),
                receivers=[relay.name for relay in self._relays] if version else (),
                due_at=due_at,
                region=region_of(case.appeal) if version else "",
                answers_seen=run.answers_seen,
                owner=self._owner,
                changes_seen=case.changes,
                form=case.form,
                signal=None if dossier is None else worst_severity(signal.severity for signal in dossier.signals),
                pending=pending_of(states),
                doubted=unassessed is not None and bool(run.left_out(states)),
                lacks=known.lacks,
                carried=sorted(carried & (contract.missing.keys() | contract.retired) - set(known.lacks)),
                unassessed=None if unassessed is None else sorted(set(unassessed)),
                misdated=case.misdated,
                waits_for=_waits_for(contract.sources, states),
                plan=contract.digest,
                due_on=case.due_on,
            )
        )
        return RunEnd(due_at, ready=ready)

    def _count(self, run: CaseRun, dossier: Dossier, told: VersionContent | None) -> None:
        self.dossiers[dossier.completeness.value] += 1
        seconds = (self._journal.now() - run.case.receipt.accepted_at).total_seconds()
        if dossier.version == 1:
            self.delays["first"].took(seconds)
        was_complete = told is not None and told.completeness is Completeness.COMPLETE
        if dossier.completeness is Completeness.COMPLETE and not was_complete:
            self.delays["complete"].took(seconds)


def _waits_for(sources: Mapping[str, str], states: Iterable[LookupState]) -> list[str]:
    return sorted({sources[s.lookup] for s in states if s.next_attempt_at is not None and s.lookup in sources})


def _log(run: CaseRun, dossier: Dossier, states: Sequence[LookupState]) -> None:
    log.info(
        "appeal.enriched",
        number=dossier.number,
        version=dossier.version,
        completeness=dossier.completeness.value,
        outcomes=dict(Counter(state.kind.value for state in states)),
        signals=len(dossier.signals),
        warnings=len(run.case.appeal.warnings),
        duration_ms=round((monotonic() - run.started) * 1000, 1),
    )
