"""One run over one case: enrich it, assess it, write the next version down, and tell who listens."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from appealbus.core.assembly import assemble, completeness_of, outcome_of, says_the_same
from appealbus.core.clocks import wall
from appealbus.core.config.models import BusSettings
from appealbus.core.dispatcher import Dispatcher
from appealbus.core.enrichment import Enrichment
from appealbus.core.failpoints import failpoint
from appealbus.core.guards.guard import Guard
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import Case, LookupState
from appealbus.core.parts import Parts
from appealbus.core.relay import Relay
from appealbus.core.retry import after_defect
from appealbus.schemas.dossier import Completeness, Dossier

log = structlog.get_logger(__name__)


class Casework:
    """Works cases, one at a time or many at once; each stands for itself."""

    def __init__(
        self,
        settings: BusSettings,
        parts: Parts,
        journal: Journal,
        guards: Mapping[str, Guard],
        relays: Sequence[Relay],
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._journal = journal
        self._relays = relays
        self._tells_outcomes = parts.host.listens("lookup_ended")
        # A case never outlives its lease: its budget is the contract's wait.
        lease = max(contract.wait for contract in parts.contracts.values()) + 60.0
        self.dispatcher = Dispatcher(journal, self.work, concurrency=settings.bus.concurrency, lease=lease)
        self._engines = {
            kind: Enrichment(
                contract.plan,
                guards,
                settings.retry,
                actor=settings.bus.actor,
                fan_out=settings.bus.max_fan_out,
                now=wall,
                keep=self._keep,
            )
            for kind, contract in parts.contracts.items()
        }

    async def work(self, case: Case) -> None:
        """Run the case's plan and write down what came of it."""
        started = time.monotonic()
        try:
            kind = case.appeal.kind
            deadline = asyncio.get_running_loop().time() + self._parts.contracts[kind].wait
            states = list((await self._engines[kind].run(case, deadline)).values())
            await self._conclude(case, states, started)
        except Exception:
            # Nothing about one appeal may stop the others; it comes back later, whatever it was.
            log.exception("case.failed", number=case.receipt.number)
            try:
                await self._after_defect(case, started)
            except JournalError:
                self.dispatcher.give_back(case.appeal_id)

    async def _after_defect(self, case: Case, started: float) -> None:
        again = after_defect(self._settings.retry, case, wall())
        if again is None and not case.version:
            # Too old to try on, and nobody has been told anything: tell what there is.
            await self._publish(case, list(case.states), None, started)
        else:
            await self._put_off(case, Completeness.PARTIAL, again)

    async def _conclude(self, case: Case, states: list[LookupState], started: float) -> None:
        due_at = min((state.next_attempt_at for state in states if state.next_attempt_at), default=None)
        if case.version:
            previous = await self._journal.dossier(case.receipt.number, case.version)
            if previous is not None and says_the_same(previous, states):
                required = self._parts.contracts[case.appeal.kind].required
                await self._put_off(case, completeness_of(states, required), due_at)
                return
        await self._publish(case, states, due_at, started)

    async def _publish(self, case: Case, states: list[LookupState], due_at: datetime | None, started: float) -> None:
        required = self._parts.contracts[case.appeal.kind].required
        dossier = assemble(case, states, required, self._parts.host.assessors, wall())
        failpoint("bus.before_conclude")
        await self._journal.conclude(
            case.appeal_id,
            dossier=dossier.model_dump_json(exclude_none=True).encode(),
            version=dossier.version,
            completeness=dossier.completeness,
            receivers=[relay.name for relay in self._relays],
            due_at=due_at,
        )
        failpoint("bus.concluded")
        self.dispatcher.expect(due_at)
        for relay in self._relays:
            relay.wake()
        self._parts.host.notify("dossier_ready", dossier=dossier)
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

    async def _put_off(self, case: Case, completeness: Completeness, due_at: datetime | None) -> None:
        """End a run that has nothing new to tell."""
        await self._journal.conclude(
            case.appeal_id,
            dossier=None,
            version=case.version,
            completeness=completeness,
            receivers=(),
            due_at=due_at,
        )
        self.dispatcher.expect(due_at)

    async def _keep(self, case: Case, state: LookupState) -> None:
        await self._journal.keep(case.appeal_id, state)
        if self._tells_outcomes:
            self._parts.host.notify("lookup_ended", number=case.receipt.number, outcome=outcome_of(state))
