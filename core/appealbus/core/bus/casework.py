"""One run over one case: enrich it, assess it, write the next version down, and tell who listens."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from appealbus.core.bus.dispatcher import Dispatcher
from appealbus.core.bus.region import region_of
from appealbus.core.bus.relay import Relay
from appealbus.core.bus.turns import Turns
from appealbus.core.clocks import wall
from appealbus.core.config.models import Configuration
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.doors import is_defect
from appealbus.core.enrichment.assembly import assemble, completeness_of, outcome_of, says_the_same
from appealbus.core.enrichment.enrichment import Enrichment
from appealbus.core.enrichment.retry import after_defect
from appealbus.core.errors import JournalError
from appealbus.core.failpoints import failpoint
from appealbus.core.guards.attempts import LEFT_OUT
from appealbus.core.guards.guard import Guard
from appealbus.core.hookspecs import Hooks
from appealbus.core.journal.errors import LeaseLost, VersionConflict
from appealbus.core.journal.journal import Journal
from appealbus.core.parts import Parts
from appealbus.schemas.dossier import Completeness, Dossier

log = structlog.get_logger(__name__)


class Casework:
    """Works cases, one at a time or many at once; each stands for itself."""

    def __init__(
        self,
        settings: Configuration,
        parts: Parts,
        journal: Journal,
        guards: Mapping[str, Guard],
        relays: Sequence[Relay],
        *,
        turns: Turns,
        owner: str,
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._journal = journal
        self._relays = relays
        self.dossiers: Counter[str] = Counter()
        """Versions written, by completeness."""
        self._tells_outcomes = parts.host.listens(Hooks.lookup_ended)
        self._answered_later = {
            kind
            for kind, contract in parts.contracts.items()
            if any(parts.sources[node.lookup.source].wire.answers_async for node in contract.plan)
        }
        self.dispatcher = Dispatcher(journal, self.work, turns, owner=owner, concurrency=settings.bus.concurrency)
        self._engines = {
            kind: Enrichment(
                contract.plan,
                guards,
                settings.retry,
                actor=settings.bus.actor,
                fan_out=settings.bus.max_fan_out,
                now=journal.now,
                keep=self._keep,
                pause_from=journal.now,
                gives_up=lambda: journal.doubt is None,
                mark=self._mark,
            )
            for kind, contract in parts.contracts.items()
        }

    async def work(self, case: Case) -> None:
        """Run the case's plan and write down what came of it."""
        started = time.monotonic()
        heard: set[str] | None = None
        try:
            kind = case.appeal.kind
            if kind in self._answered_later:
                case = replace(case, answers=tuple(await self._journal.answers(case.appeal_id)))
                heard = {answer.question_id for answer in case.answers}
            if case.deaths is not None:
                case = replace(case, asked=tuple(await self._journal.left_for_sources(case.receipt.number)))
            deadline = asyncio.get_running_loop().time() + self._parts.contracts[kind].wait
            states = list((await self._engines[kind].run(case, deadline)).values())
            await self._conclude(case, states, started, heard)
        except (LeaseLost, VersionConflict) as error:
            # Another worker has it, or it was concluded after all by a commit that nobody heard the end of.
            log.warning("case.superseded", number=case.receipt.number, code=error.code)
            self.dispatcher.give_back(case.appeal_id)
        except JournalError as error:
            if error.passes:
                log.warning("case.given_back", number=case.receipt.number, code=error.code)
                self.dispatcher.give_back(case.appeal_id)
            else:
                await self._failed(case, started, heard)
        except BaseException as error:
            if not is_defect(error):
                raise
            await self._failed(case, started, heard)

    async def _failed(self, case: Case, started: float, heard: Collection[str] | None) -> None:
        # Nothing about one appeal may stop the others; it comes back later, whatever it was.
        log.exception("case.failed", number=case.receipt.number)
        try:
            await self._after_defect(case, started, heard)
        except JournalError:
            self.dispatcher.give_back(case.appeal_id)

    async def _after_defect(self, case: Case, started: float, heard: Collection[str] | None) -> None:
        gives_up = self._journal.doubt is None
        again = after_defect(self._settings.retry, case, self._journal.now(), gives_up=gives_up)
        if again is None and not case.version:
            # Too old to try on, and nobody has been told anything: tell what there is.
            await self._publish(case, list(case.states), None, started, heard)
        else:
            await self._put_off(case, Completeness.PARTIAL, again, heard)

    async def _conclude(
        self, case: Case, states: list[LookupState], started: float, heard: Collection[str] | None
    ) -> None:
        for state in _left_out(case, states):
            await self._keep(case, state, None)
        due_at = min((state.next_attempt_at for state in states if state.next_attempt_at), default=None)
        if case.version:
            previous = await self._journal.dossier(case.receipt.number, case.version)
            if previous is not None and says_the_same(previous, states):
                required = self._parts.contracts[case.appeal.kind].required
                doubted = bool(_left_out(case, states))
                await self._put_off(case, completeness_of(states, required), due_at, heard, doubted=doubted)
                return
        await self._publish(case, states, due_at, started, heard)

    async def _publish(
        self,
        case: Case,
        states: list[LookupState],
        due_at: datetime | None,
        started: float,
        heard: Collection[str] | None,
    ) -> None:
        required, host = self._parts.contracts[case.appeal.kind].required, self._parts.host
        dossier = assemble(
            case, states, required, host.assessors, wall(), defects=host.defects, epoch=self._journal.epoch
        )
        failpoint("bus.before_conclude")
        again = await self._journal.conclude(
            case.appeal_id,
            dossier=dossier.model_dump_json(exclude_none=True).encode(),
            version=dossier.version,
            completeness=dossier.completeness,
            receivers=[relay.name for relay in self._relays],
            due_at=due_at,
            region=region_of(case.appeal),
            heard=heard,
            owner=self.dispatcher.owner,
            doubted=bool(_left_out(case, states)),
        )
        failpoint("bus.concluded")
        self.dossiers[dossier.completeness.value] += 1
        self._expect(due_at, again=again)
        for relay in self._relays:
            relay.wake()
        host.dossier_ready(dossier)
        self._log(case, dossier, states, started)

    def _log(self, case: Case, dossier: Dossier, states: list[LookupState], started: float) -> None:
        log.info(
            "appeal.enriched",
            number=dossier.number,
            version=dossier.version,
            completeness=dossier.completeness.value,
            outcomes=dict(Counter(state.kind.value for state in states)),
            signals=len(dossier.signals),
            warnings=len(case.appeal.warnings),
            duration_ms=round((time.monotonic() - started) * 1000, 1),
        )

    def _expect(self, due_at: datetime | None, *, again: bool) -> None:
        if again:
            self.dispatcher.more()
        else:
            self.dispatcher.expect(due_at)

    async def _put_off(
        self,
        case: Case,
        completeness: Completeness,
        due_at: datetime | None,
        heard: Collection[str] | None,
        *,
        doubted: bool = False,
    ) -> None:
        """End a run that has nothing new to tell."""
        again = await self._journal.conclude(
            case.appeal_id,
            dossier=None,
            version=case.version,
            completeness=completeness,
            receivers=(),
            due_at=due_at,
            heard=heard,
            owner=self.dispatcher.owner,
            doubted=doubted,
        )
        self._expect(due_at, again=again)

    async def _mark(self, case: Case, state: LookupState) -> bool:
        return await self._journal.keep_at_once(case.appeal_id, state, owner=self.dispatcher.owner)

    async def _keep(self, case: Case, state: LookupState, answered: str | None) -> None:
        if answered is None:
            await self._journal.keep(case.appeal_id, state, owner=self.dispatcher.owner)
        else:
            await self._journal.keep_read(case.appeal_id, state, answered, owner=self.dispatcher.owner)
        if self._tells_outcomes:
            self._parts.host.lookup_ended(case.receipt.number, outcome_of(state))


def _left_out(case: Case, states: Sequence[LookupState]) -> list[LookupState]:
    """Return the questions that a suspect's turn has left out: it has survived without them, and is a suspect still."""
    return [] if case.deaths is None else [state for state in states if state.code == LEFT_OUT.code]
