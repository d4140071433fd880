"""The bus: takes appeals, enriches them, keeps every step in the journal, and hands dossiers out."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog

from appealbus.core.assembly import assemble, completeness_of, outcome_of, says_the_same
from appealbus.core.clocks import wall
from appealbus.core.config.loading import Loaded
from appealbus.core.enrichment import Enrichment
from appealbus.core.failpoints import failpoint
from appealbus.core.guards.guard import Guard
from appealbus.core.intake import Inbound, Intake, Quarantined, Taken
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import Case, LookupState, SourceState
from appealbus.core.parts import Parts
from appealbus.core.reception import Reception
from appealbus.core.relay import Relay
from appealbus.core.retry import after_defect
from appealbus.core.service import Service
from appealbus.schemas.dossier import Completeness

log = structlog.get_logger(__name__)

_CLAIM = 200
_POLL = 1.0
_POLL_DELTA = timedelta(seconds=_POLL)
_RESTART = 5.0
_SETTLE = 10.0
_FLUSH = 2.0


class Bus:
    """One running bus over one journal."""

    def __init__(self, loaded: Loaded, parts: Parts, journal: Journal) -> None:
        self.settings = loaded.settings
        self.parts = parts
        self.journal = journal
        self.owner = uuid4().hex
        self._reception = Reception(journal, loaded.settings.bus.accepted_by)
        self.guards: dict[str, Guard] = {
            name: Guard(
                name,
                bound.connector,
                bound.wire,
                bound.guard,
                access=journal.access,
                on_change=self._source_changed,
            )
            for name, bound in parts.sources.items()
        }
        self.relays = [Relay(name, delivery, journal) for name, delivery in parts.deliveries.items()]
        self._engines = {
            kind: Enrichment(
                contract.plan,
                self.guards,
                self.settings.retry,
                actor=self.settings.bus.actor,
                fan_out=self.settings.bus.max_fan_out,
                now=wall,
                keep=self._keep,
            )
            for kind, contract in parts.contracts.items()
        }
        # A case never outlives its lease: its budget is the contract's wait.
        self._lease = max(contract.wait for contract in parts.contracts.values()) + 60.0
        self._cases: set[asyncio.Task[None]] = set()
        # Appeals whose run could not be written down: given back once the journal works again.
        self._dropped: set[int] = set()
        self._parts: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._taking = True
        self._backlog = True
        self._look_at = wall()
        self._starved = False
        self._told: list[SourceState] = []
        self._tells_outcomes = parts.host.listens("lookup_ended")

    async def start(self) -> None:
        """Load contracts, open ways out, and begin to work what the journal holds.

        Raises:
            ConfigError: if a contract that a source names is broken.

        """
        await asyncio.gather(*(bound.wire.start() for bound in self.parts.sources.values()))
        for delivery in self.parts.deliveries.values():
            await delivery.start()
        self._go("dispatch", self._dispatch())
        self._go("watch", self._write_source_states())
        for relay in self.relays:
            self._go(f"relay.{relay.name}", relay.run())
        log.info("bus.started", sources=len(self.guards), lookups=len(self.parts.nodes))

    def open_doors(self) -> None:
        """Start the intakes and services of the configuration."""
        for intake in self.parts.intakes:
            self._go(f"intake.{intake.name}", self._run_intake(intake))
        for service in self.parts.host.services:
            self._go(f"service.{service.name}", self._run_service(service))

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take a message: on return it is on disk, as an appeal or in quarantine with its reason.

        Raises:
            JournalError: if nothing could be written; the sender keeps the message.

        """
        here = self._taking and len(self._cases) < self.settings.bus.concurrency
        received = await self._reception.receive(message, self.owner if here else None, self._lease)
        if isinstance(received, Quarantined):
            return received
        if received.taken.new:
            self.parts.host.notify("appeal_accepted", receipt=received.taken.receipt)
            if here:
                self._work_on(received.case)
            else:
                self._backlog = True
                self._wake.set()
        return received.taken

    async def settle(self, *, parked: bool = False) -> None:
        """Wait until nothing is left to do now; with `parked` until nothing is parked and all is delivered."""
        while True:
            counts = await self.journal.counts()
            busy = self._cases or counts.ready or counts.in_work or (parked and (counts.parked or counts.outbox))
            if not busy and not await self._has_deliveries():
                return
            await asyncio.sleep(0.05)

    async def _has_deliveries(self) -> bool:
        """Whether a delivery is due now; what failed waits for its next attempt."""
        return any([await self.journal.undelivered(relay.name, wall(), 1) for relay in self.relays])

    async def stop(self) -> None:
        """Stop taking, let what is in flight end within the grace period, park the rest, flush, let go."""
        self._taking = False
        self._wake.set()
        clock = asyncio.get_running_loop().time
        ends = clock() + self.settings.bus.grace
        for task in self._parts:
            if task.get_name().startswith(("intake.", "service.", "dispatch")):
                task.cancel()
        # What is not answered within the grace period ends as unavailable: parked, and told so.
        await asyncio.gather(*(guard.drain(self.settings.bus.grace) for guard in self.guards.values()))
        if self._cases:
            await asyncio.wait(self._cases, timeout=_SETTLE)
        for case in tuple(self._cases):
            case.cancel()
        await asyncio.gather(*self._cases, return_exceptions=True)
        await asyncio.gather(*(relay.flush(max(_FLUSH, ends - clock())) for relay in self.relays))
        for task in self._parts:
            task.cancel()
        await asyncio.gather(*self._parts, return_exceptions=True)
        await self._note_sources()
        await self._close_parts()
        await self.journal.release(self.owner)
        log.info("bus.stopped")

    async def _close_parts(self) -> None:
        closing: list[Coroutine[Any, Any, None]] = [bound.wire.close() for bound in self.parts.sources.values()]
        closing += [delivery.close() for delivery in self.parts.deliveries.values()]
        await asyncio.gather(*closing, return_exceptions=True)

    def _go(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._parts.append(asyncio.create_task(work, name=name))

    async def _dispatch(self) -> None:
        """Claim what is ready, most urgent first, as there is room."""
        while self._taking:
            self._wake.clear()
            wanted = self._backlog or wall() >= self._look_at
            if wanted and self._has_room():
                await self._claim(min(self.settings.bus.concurrency - len(self._cases), _CLAIM))
                continue
            self._starved = wanted
            pause = _POLL if wanted else (self._look_at - wall()).total_seconds()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause)):
                    await self._wake.wait()

    def _has_room(self) -> bool:
        """Whether a claim pays: it takes handfuls, so that a full bus does not pay a transaction for each appeal."""
        concurrency = self.settings.bus.concurrency
        return concurrency - len(self._cases) >= max(1, concurrency // 4)

    async def _claim(self, limit: int) -> None:
        self._look_at = wall() + _POLL_DELTA
        self._backlog = False
        try:
            if self._dropped:
                given_back = tuple(self._dropped)
                await self.journal.release(self.owner, given_back)
                self._dropped.difference_update(given_back)
            claimed = await self.journal.claim(self.owner, wall(), limit, self._lease)
            self._backlog = len(claimed) == limit
            for case in claimed:
                self._work_on(case)
            self._look_for(await self.journal.next_due())
        except JournalError:
            log.exception("journal.claim_failed")

    def _look_for(self, due_at: datetime | None) -> None:
        """See to it that the dispatcher looks when this is due."""
        if due_at is not None and due_at < self._look_at:
            self._look_at = due_at
            self._wake.set()

    def _work_on(self, case: Case) -> None:
        task = asyncio.create_task(self._work(case))
        self._cases.add(task)
        task.add_done_callback(self._worked)

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._cases.discard(task)
        if self._starved and self._has_room():
            self._wake.set()

    async def _work(self, case: Case) -> None:
        started = time.monotonic()
        try:
            contract = self.parts.contracts[case.appeal.kind]
            deadline = asyncio.get_running_loop().time() + contract.wait
            states = list((await self._engines[case.appeal.kind].run(case, deadline)).values())
            await self._conclude(case, states, started)
        except Exception:
            # Nothing about one appeal may stop the others; it comes back later, whatever it was.
            log.exception("case.failed", number=case.receipt.number)
            try:
                await self._put_off(case, Completeness.PARTIAL, after_defect(self.settings.retry, case, wall()))
            except JournalError:
                self._dropped.add(case.appeal_id)

    async def _conclude(self, case: Case, states: list[LookupState], started: float) -> None:
        due_at = min((state.next_attempt_at for state in states if state.next_attempt_at), default=None)
        required = self.parts.contracts[case.appeal.kind].required
        if case.version:
            previous = await self.journal.dossier(case.receipt.number, case.version)
            if previous is not None and says_the_same(previous, states):
                await self._put_off(case, completeness_of(states, required), due_at)
                return
        dossier = assemble(case, states, required, self.parts.host.assessors, wall())
        failpoint("bus.before_conclude")
        await self.journal.conclude(
            case.appeal_id,
            dossier=dossier.model_dump_json(exclude_none=True).encode(),
            version=dossier.version,
            completeness=dossier.completeness,
            receivers=[relay.name for relay in self.relays],
            due_at=due_at,
        )
        failpoint("bus.concluded")
        self._look_for(due_at)
        for relay in self.relays:
            relay.wake()
        self.parts.host.notify("dossier_ready", dossier=dossier)
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
        await self.journal.conclude(
            case.appeal_id,
            dossier=None,
            version=case.version,
            completeness=completeness,
            receivers=(),
            due_at=due_at,
        )
        self._look_for(due_at)

    async def _keep(self, case: Case, state: LookupState) -> None:
        await self.journal.keep(case.appeal_id, state)
        if self._tells_outcomes:
            self.parts.host.notify("lookup_ended", number=case.receipt.number, outcome=outcome_of(state))

    def _source_changed(self, source: str, state: str) -> None:
        self.parts.host.notify("source_changed", source=source, state=state)

    async def _write_source_states(self) -> None:
        while True:
            await self._note_sources()
            await asyncio.sleep(_POLL)

    async def _note_sources(self) -> None:
        states = [guard.state() for guard in self.guards.values()]
        told = [replace(state, at=None) for state in states]
        if told != self._told:  # an idle bus writes nothing
            with contextlib.suppress(JournalError):
                await self.journal.put_source_states(states)
                self._told = told

    async def _run_intake(self, intake: Intake[Any]) -> None:
        while True:
            try:
                await intake.run(self)
                return
            except Exception:
                log.exception("intake.raised", intake=intake.name)
                await asyncio.sleep(_RESTART)

    async def _run_service(self, service: Service) -> None:
        while True:
            try:
                await service.run(self)
                return
            except Exception:
                log.exception("service.raised", service=service.name)
                await asyncio.sleep(_RESTART)
