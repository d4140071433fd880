"""The bus: brings all parts up, takes appeals in, and brings all parts down again."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog

from appealbus.core.bus.casework import Casework
from appealbus.core.bus.clockwork import Clockwork
from appealbus.core.bus.duty import Duties
from appealbus.core.bus.presence import Presence
from appealbus.core.bus.reception import Reception
from appealbus.core.bus.relay import Relay
from appealbus.core.bus.tally import Tally
from appealbus.core.config.loading import Loaded
from appealbus.core.failpoints import failpoint
from appealbus.core.guards.defects import being_cancelled
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.limits import Limits
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.interfaces.intake import Inbound, Intake, Quarantined, Taken
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.interfaces.service import Service
from appealbus.core.interfaces.work import Waiting
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import Case, SourceState
from appealbus.core.journal.writes.accepting import urgency_of
from appealbus.core.parts import Parts

log = structlog.get_logger(__name__)

_POLL = 1.0
_HOUR = 3600.0
_RESTART = 5.0
_SETTLE = 10.0
_FLUSH = 2.0
_LEAVE = 3.0
_LOOK = 0.2
"""How long a hint waits for room here; then another worker may have it."""
_TAKING = ("intake.", "service.", "dispatch", "work_queue")


class Bus:
    """One running bus over one journal."""

    def __init__(self, loaded: Loaded, parts: Parts, journal: Journal) -> None:
        self.settings = loaded.settings
        self.parts = parts
        self.journal = journal
        self.worker = uuid4().hex
        """What this process is called where several work one journal; a new name at each start."""
        self._limits = Limits(journal, self.worker) if journal.shared else None
        file = self.settings.bus.checkpoint_file()
        self.clockwork = Clockwork(journal, None if file is None else Checkpoint(file))
        self.guards: dict[str, Guard] = {
            name: Guard(
                name,
                bound.connector,
                bound.wire,
                bound.guard,
                access=journal.access,
                await_answer=journal.await_answer,
                on_change=self._source_changed,
                limits=self._limits,
            )
            for name, bound in parts.sources.items()
        }
        self._duties = Duties(self.worker, journal)
        self._retention = self._duties.add("retention")
        self.relays = [
            Relay(name, delivery, journal, self._duties.add(f"relay.{name}"))
            for name, delivery in parts.deliveries.items()
        ]
        casework = Casework(loaded.settings, parts, journal, self.guards, self.relays, owner=self.worker)
        self._dispatcher = casework.dispatcher
        self._reception = Reception(journal, loaded.settings.bus.accepted_by)
        self._arrivals: set[asyncio.Task[Taken | Quarantined]] = set()
        self._parts: list[asyncio.Task[None]] = []
        self._stopping = False
        self.messages = Tally()
        """Messages in, by channel and result: `new`, `repeated`, `quarantined`, or `failed` where nothing was kept."""
        self.answers = Tally()
        """Answers that came by themselves, by source and what became of them: `stored`, `again`, `unknown`."""
        self.dossiers = casework.dossiers
        self._presence = Presence(journal, self._dispatcher, self._source_states, self.links, casework.dossiers)

    async def start(self) -> None:
        """Load contracts, open ways out, and begin to work what the journal holds.

        Raises:
            ConfigError: if a contract that a source names is broken.
            JournalError: if the sources' limits cannot be shared with other workers.

        """
        if self._limits is not None:
            await self._limits.start()
            self._go("limits", self._limits.run)
        await asyncio.gather(*(bound.wire.start() for bound in self.parts.sources.values()))
        for delivery in self.parts.deliveries.values():
            await delivery.start()
        if self.parts.work is not None:
            await self.parts.work.start()
            work = self.parts.work
            self._go("work_queue", lambda: work.run(self._look), lambda: log.exception("work_queue.raised"))
        self._go("clock", self.clockwork.run)
        self._go("dispatch", self._dispatcher.run)
        self._go("watch", self._presence.run)
        self._go("duties", self._duties.run)
        self._go("retention", self._forget_the_old)
        for relay in self.relays:
            self._go(f"relay.{relay.name}", relay.run)
        self._go("news", lambda: self.journal.hear(self._wake_relays))
        await asyncio.gather(*(bound.wire.listen(self) for bound in self.parts.sources.values()))
        log.info("bus.started", sources=len(self.guards), lookups=len(self.parts.nodes))

    def open_doors(self) -> None:
        """Start the intakes and services of the configuration."""
        for intake in self.parts.intakes:
            self._open_intake(intake)
        for service in self.parts.host.services:
            self._open_service(service)

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take a message: on return it is on disk, as an appeal or in quarantine with its reason.

        Raises:
            JournalError: if nothing could be written; the sender keeps the message.

        """
        # A sender that goes away must not leave an appeal on disk that is leased to us and that nobody works.
        arrival = asyncio.create_task(self._accept(message))
        self._arrivals.add(arrival)
        arrival.add_done_callback(self._arrivals.discard)
        return await asyncio.shield(arrival)

    async def _accept(self, message: Inbound) -> Taken | Quarantined:
        try:
            taken = await self._take(message)
        except JournalError:
            self.messages.add(message.channel, "failed")
            raise
        result = "quarantined" if isinstance(taken, Quarantined) else "new" if taken.new else "repeated"
        self.messages.add(message.channel, result)
        return taken

    async def _take(self, message: Inbound) -> Taken | Quarantined:
        with self._dispatcher.place() as here:
            owner = self._dispatcher.owner if here else None
            received = await self._reception.receive(message, owner, self._dispatcher.lease)
            if isinstance(received, Quarantined):
                return received
            if received.taken.new:
                if here:
                    self._dispatcher.start(received.case)
                else:
                    self._dispatcher.more()
                    self._offer(received.case)
        if received.taken.new:
            self.parts.host.notify("appeal_accepted", receipt=received.taken.receipt)
        return received.taken

    async def answered(self, source: str, answer: Answer) -> Kept:
        """Keep an answer that came by itself, and have its appeal worked on next, here or by another worker.

        Raises:
            JournalError: if nothing could be written; the sender keeps the answer.

        """
        kept = await self.journal.answered(source, answer)
        failpoint("bus.answered")
        self.answers.add(source, kept.value)
        if kept is Kept.STORED:
            self._dispatcher.more()
        else:
            log.warning("answer.dropped", source=source, state=kept.value)
        return kept

    def _offer(self, case: Case) -> None:
        """Tell other workers of an appeal that this one has no room for."""
        if self.parts.work is not None:
            self.parts.work.offer(Waiting(case.appeal_id, case.receipt.number, urgency_of(case.appeal)))

    def links(self) -> list[LinkState]:
        """Say how all connections that stay open stand; one that several parts share is told once."""
        parts = [(f"intake.{intake.name}", intake.links) for intake in self.parts.intakes]
        parts += [(f"delivery.{name}", delivery.links) for name, delivery in self.parts.deliveries.items()]
        parts += [(f"source.{name}", bound.wire.links) for name, bound in self.parts.sources.items()]
        parts += [("work_queue", self.parts.work.links)] if self.parts.work is not None else []
        told: dict[str, LinkState] = {}
        for name, links in parts:
            try:
                states = list(links())
            except Exception as error:
                states = [LinkState(name, LinkStatus.DOWN, f"its plugin raised {type(error).__name__} over it")]
            for state in states:
                told.setdefault(state.name, state)
        return list(told.values())

    @property
    def draining(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping

    @property
    def in_flight(self) -> int:
        """How many appeals this process works on now."""
        return self._dispatcher.in_flight

    async def settle(self, *, parked: bool = False) -> None:
        """Wait until nothing is left to do now; with `parked` until nothing is parked and all is delivered."""
        while True:  # others put work in through the journal
            try:
                if not await self._has_work(parked):
                    return
            except JournalError as error:
                if not error.passes:
                    raise
                await asyncio.sleep(_POLL)
            await asyncio.sleep(0.05)

    async def _has_work(self, parked: bool) -> bool:
        if self._dispatcher.busy or self._arrivals or not all(intake.idle for intake in self.parts.intakes):
            return True
        counts = await self.journal.counts()
        if counts.ready or counts.in_work or (parked and counts.parked):
            return True
        if parked and any(counts.outbox.get(relay.name) for relay in self.relays):
            return True
        # What a receiver has refused waits for its next attempt and is no work now.
        return any([await self.journal.undelivered(relay.name, self.journal.now(), 1) for relay in self.relays])

    async def stop(self) -> None:
        """Stop taking, let what is in flight end within the grace period, park the rest, flush, let go."""
        self._stopping = True
        self._dispatcher.stop_taking()
        clock = asyncio.get_running_loop().time
        ends = clock() + self.settings.bus.grace
        staying = {f"service.{service.name}" for service in self.parts.host.services if service.through_drain}
        taking = [task for task in self._parts if task.get_name().startswith(_TAKING)]
        taking = [task for task in taking if task.get_name() not in staying]
        for task in taking:
            task.cancel()
        # What is not answered within the grace period ends as unavailable: parked, and told so.
        await asyncio.gather(*(guard.drain(self.settings.bus.grace) for guard in self.guards.values()))
        if self._arrivals:  # what is being written down may be leased to us
            await asyncio.wait(self._arrivals, timeout=_FLUSH)
        await self._dispatcher.end(_SETTLE)
        intakes = [task for task in taking if task.get_name().startswith("intake.")]
        if intakes:  # they tell their senders what became of what they sent, and give the rest back
            await asyncio.wait(intakes, timeout=max(_FLUSH, ends - clock()))
        if self.journal.silent_for < _FLUSH:
            await asyncio.gather(*(relay.flush(max(_FLUSH, ends - clock())) for relay in self.relays))
        for task in self._parts:
            task.cancel()
        if self._parts:
            _, stuck = await asyncio.wait(self._parts, timeout=_FLUSH)
            for task in stuck:
                log.error("bus.part_stuck", kind=task.get_name())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH):
                await self._close_parts()
        try:
            async with asyncio.timeout(max(0.0, _LEAVE - self.journal.silent_for) if self.journal.shared else None):
                await self._duties.let_go()
                await self._presence.leave()
                await self.journal.release(self._dispatcher.owner)
                if self._limits is not None:
                    await self._limits.leave()
        except (JournalError, TimeoutError) as error:
            if not self.journal.shared:
                raise  # a file that cannot be written needs somebody
            # Others take over when the leases are over.
            log.warning("bus.not_released", code=error.code if isinstance(error, JournalError) else "no_answer")
        log.info("bus.stopped")

    async def _close_parts(self) -> None:
        closing: list[Coroutine[Any, Any, None]] = [bound.wire.close() for bound in self.parts.sources.values()]
        closing += [delivery.close() for delivery in self.parts.deliveries.values()]
        closing += [self.parts.work.close()] if self.parts.work is not None else []
        await asyncio.gather(*closing, return_exceptions=True)

    def _open_intake(self, intake: Intake[Any]) -> None:
        name = intake.name
        self._go(f"intake.{name}", lambda: intake.run(self), lambda: log.exception("intake.raised", intake=name))

    def _open_service(self, service: Service) -> None:
        name = service.name
        self._go(f"service.{name}", lambda: service.run(self), lambda: log.exception("service.raised", service=name))

    def _wake_relays(self) -> None:
        for relay in self.relays:
            relay.wake()

    async def _look(self) -> bool:
        return await self._dispatcher.look(_LOOK)

    def _go(
        self, name: str, run: Callable[[], Coroutine[Any, Any, None]], raised: Callable[[], object] | None = None
    ) -> None:
        """Run a part; one that raises starts again, or the bus would go on without it."""
        raised = raised or (lambda: log.exception("bus.part_ended", kind=name))
        self._parts.append(asyncio.create_task(_kept_running(run, raised), name=name))

    def _source_changed(self, source: str, state: str) -> None:
        self.parts.host.notify("source_changed", source=source, state=state)

    def _source_states(self) -> list[SourceState]:
        return [guard.state() for guard in self.guards.values()]

    async def _forget_the_old(self) -> None:
        """Delete what is done, delivered and past the retention, now and every hour; one worker for all."""
        while True:
            if not self._retention.held or self.journal.doubt is not None:
                await asyncio.sleep(_POLL)
                continue
            try:
                await self.journal.prune(self.journal.now() - timedelta(seconds=self.settings.bus.retention))
            except JournalError:
                log.exception("journal.prune_failed")
            await asyncio.sleep(_HOUR)


async def _kept_running(run: Callable[[], Coroutine[Any, Any, None]], raised: Callable[[], object]) -> None:
    """Run a part until it ends by itself; one that raises starts again."""
    while True:
        try:
            await run()
            return
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            raised()
        except Exception:
            raised()
        await asyncio.sleep(_RESTART)
