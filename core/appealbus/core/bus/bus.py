"""The bus: brings all parts up, takes appeals in, and brings all parts down again."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import structlog

from appealbus.core import threads
from appealbus.core.bus.casework import Casework
from appealbus.core.bus.clock_watch import Clockwork
from appealbus.core.bus.heartbeat import Heartbeat
from appealbus.core.bus.keeping import Keeper
from appealbus.core.bus.leader import LeaderLeases
from appealbus.core.bus.reception import Reception
from appealbus.core.bus.relay import Relay
from appealbus.core.bus.service_view import ServiceView
from appealbus.core.bus.tally import Tally
from appealbus.core.bus.trimming import EVERY, trim_quarantine
from appealbus.core.bus.turns import Turns
from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.config.loading import Loaded
from appealbus.core.domain.case import Case
from appealbus.core.domain.source_state import SourceState
from appealbus.core.doors import entered, is_defect
from appealbus.core.errors import JournalError
from appealbus.core.failpoints import failpoint
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.limits import Limits
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.interfaces.work import Waiting, WorkQueue
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.writes.accepting import urgency_of
from appealbus.core.parts import Bound, Parts
from appealbus.schemas.base import printable

log = structlog.get_logger(__name__)

_POLL = 1.0
_HOUR = 3600.0
_SETTLE = 10.0
_FLUSH = 2.0
_LEAVE = 3.0
_LOOK = 0.2
"""How long a hint waits for room here; then another worker may have it."""
_TAKING = ("intake.", "service.", "dispatch", "work_queue")


class Bus:
    """One running bus over one journal."""

    def __init__(self, loaded: Loaded, parts: Parts, journal: Journal, *, name: str = "") -> None:
        self.settings = loaded.settings
        self.parts = parts
        self.journal = journal
        self.worker = name or uuid4().hex
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
                plugin=bound.plugin,
                defects=parts.host.defects,
            )
            for name, bound in parts.sources.items()
        }
        self._leader_leases = LeaderLeases(self.worker, journal)
        self._retention = self._leader_leases.add("retention")
        turns = Turns()
        self.relays = [
            Relay(name, delivery, journal, self._leader_leases.add(f"relay.{name}"), parts.host, turns=turns)
            for name, delivery in parts.deliveries.items()
        ]
        casework = Casework(loaded.settings, parts, journal, self.guards, self.relays, turns=turns, owner=self.worker)
        self._dispatcher = casework.dispatcher
        self._reception = Reception(journal, loaded.settings.bus.accepted_by)
        self._arrivals: set[asyncio.Task[Taken | Quarantined]] = set()
        self.watchdog = Watchdog(parts.host, self._dispatcher.lease)
        """Sees whether the event loop stands still, once the program has started it."""
        self._keeper = Keeper(parts.host.defects)
        self._go = self._keeper.go
        self._queue_ready = False
        self._stopping = False
        self.messages = Tally()
        """Messages in, by channel and result: `new`, `repeated`, `quarantined`, or `failed` where nothing was kept."""
        self.answers = Tally()
        """Answers that came by themselves, by source and what became of them: `stored`, `again`, `unknown`."""
        self.dossiers = casework.dossiers
        self._heartbeat = Heartbeat(journal, self._dispatcher, self._source_states, self.links, casework.dossiers)

    async def start(self) -> None:
        """Load contracts, open ways out, and begin to work what the journal holds.

        A part whose plugin raises over it is tried again later; the others go on without it.

        Raises:
            ConfigError: if a contract that a source names is broken.
            JournalError: if the sources' limits cannot be shared with other workers.

        """
        threads.share(asyncio.get_running_loop())
        if self._limits is not None:
            await self._limits.start()
            self._go("limits", self._limits.run)
        await asyncio.gather(*map(self._open_source, self.parts.sources.values()))
        for relay in self.relays:
            await relay.start()
        if self.parts.work is not None:
            await self._open_queue(self.parts.work)
        self._go("clock", self.clockwork.run)
        self._go("dispatch", self._dispatcher.run)
        self._go("watch", self._heartbeat.run)
        self._go("leader_leases", self._leader_leases.run)
        self._go("retention", self._forget_the_old)
        for relay in self.relays:
            self._go(f"relay.{relay.name}", relay.run)
        self._go("news", lambda: self.journal.listen(self._wake_relays))
        await asyncio.gather(*map(self._listen, self.parts.sources.values()))
        log.info("bus.started", sources=len(self.guards), lookups=len(self.parts.nodes))

    def open_doors(self) -> None:
        """Start the intakes and services of the configuration."""
        host = self.parts.host
        for intake in self.parts.intakes:
            self._go(f"intake.{intake.name}", partial(intake.run, self), host.owner(intake))
        view = ServiceView(self)
        for service in host.services:
            self._go(f"service.{service.name}", partial(service.run, view), host.owner(service))

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take a message: on return it is on disk, as an appeal or in quarantine with its reason.

        Raises:
            JournalError: if nothing could be written; the sender keeps the message.

        """
        # A sender that goes away must not leave an appeal on disk that is leased to us and that nobody works.
        arrival = asyncio.get_running_loop().create_task(self._accept(message), context=entered(""))
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
        if isinstance(taken, Quarantined) and not taken.quarantine_id % EVERY:
            await trim_quarantine(self.journal, self.settings.bus)
        return taken

    async def _take(self, message: Inbound) -> Taken | Quarantined:
        with self._dispatcher.place(len(message.raw)) as here:
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
            self.parts.host.appeal_accepted(received.taken.receipt)
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
        if self.parts.work is not None and self._queue_ready:
            try:
                self.parts.work.offer(Waiting(case.appeal_id, case.receipt.number, urgency_of(case.appeal)))
            except BaseException as error:
                if not is_defect(error):
                    raise
                self._keeper.raised("work_queue")

    def links(self) -> list[LinkState]:
        """Say how all connections that stay open stand; one that several parts share is told once."""
        parts = [(f"intake.{intake.name}", intake.links) for intake in self.parts.intakes]
        parts += [(f"delivery.{name}", delivery.links) for name, delivery in self.parts.deliveries.items()]
        parts += [(f"source.{name}", bound.wire.links) for name, bound in self.parts.sources.items()]
        parts += [("work_queue", self.parts.work.links)] if self.parts.work is not None else []
        told: dict[str, LinkState] = {}
        for name, links in parts:
            for state in self.links_of(name, links):
                told.setdefault(state.name, state)
        return list(told.values())

    def links_of(self, name: str, links: Callable[[], Iterable[LinkState]]) -> list[LinkState]:
        """Say how the connections of one part stand; one whose plugin raises over it counts as down."""
        try:
            return [replace(each, detail=printable(each.detail)) for each in links()]
        except BaseException as error:
            if not is_defect(error):
                raise
            self._keeper.count(name)
            return [LinkState(name, LinkStatus.DOWN, f"its plugin raised {type(error).__name__} over it")]

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
        # What begins while the journal is asked may be seen neither here nor there: then another look is needed.
        begun = self._dispatcher.begun
        return await self._has_any(parked) or self._dispatcher.begun != begun

    async def _has_any(self, parked: bool) -> bool:
        if self._dispatcher.busy or self._arrivals or not all(intake.idle for intake in self.parts.intakes):
            return True
        due = await self.journal.next_due()
        if due is not None and due <= self.journal.now():
            return True
        counts = await self.journal.counts()
        if counts.ready or counts.in_work or counts.suspect or (parked and counts.parked):
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
        taking = [task for task in self._keeper.tasks if task.get_name().startswith(_TAKING)]
        taking = [task for task in taking if task.get_name() not in staying]
        self._keeper.call_off(taking)
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
        await self._keeper.end(_FLUSH)
        await self._close_parts()
        await self._reception.aclose()
        try:
            async with asyncio.timeout(max(0.0, _LEAVE - self.journal.silent_for) if self.journal.shared else None):
                await self._leader_leases.let_go()
                await self._heartbeat.leave()
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
        parts = [(f"source.{bound.name}", bound.wire.close, bound.plugin) for bound in self.parts.sources.values()]
        parts += [(f"delivery.{relay.name}", relay.close, relay.plugin) for relay in self.relays]
        if (queue := self.parts.work) is not None:
            parts.append(("work_queue", queue.close, self.parts.host.owner(queue)))
        await asyncio.gather(*(self._keeper.closed(*part, _FLUSH) for part in parts))

    async def _open_source(self, bound: Bound) -> None:
        guard, name = self.guards[bound.name], f"source.{bound.name}"
        guard.ready = await self._keeper.opened(name, bound.wire.start, bound.plugin)
        if not guard.ready:
            self._go(name, partial(self._open_late, bound), bound.plugin, later=True)

    async def _open_late(self, bound: Bound) -> None:
        guard = self.guards[bound.name]
        if not guard.ready:
            await bound.wire.start()
            guard.ready = True
        await bound.wire.listen(self)

    async def _listen(self, bound: Bound) -> None:
        name = f"source.{bound.name}"
        if self.guards[bound.name].ready and not await self._keeper.opened(
            name, partial(bound.wire.listen, self), bound.plugin
        ):
            self._go(name, partial(self._open_late, bound), bound.plugin, later=True)

    async def _open_queue(self, queue: WorkQueue[Any]) -> None:
        plugin = self.parts.host.owner(queue)
        self._queue_ready = await self._keeper.opened("work_queue", queue.start, plugin)
        self._go("work_queue", partial(self._run_queue, queue), plugin, later=not self._queue_ready)

    async def _run_queue(self, queue: WorkQueue[Any]) -> None:
        if not self._queue_ready:
            await queue.start()
            self._queue_ready = True
        await queue.run(self._look)

    def _wake_relays(self) -> None:
        for relay in self.relays:
            relay.wake()

    async def _look(self) -> bool:
        return await self._dispatcher.look(_LOOK)

    def _source_changed(self, source: str, state: str) -> None:
        self.parts.host.source_changed(source, state)

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
                await trim_quarantine(self.journal, self.settings.bus)
            except JournalError:
                log.exception("journal.prune_failed")
            await asyncio.sleep(_HOUR)
