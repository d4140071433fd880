"""The bus: starts all parts, accepts appeals, and stops all parts."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from uuid import uuid4

import structlog

from appealbus.core.bus.clock_watch import ClockWatch
from appealbus.core.bus.delivery.relay import Relay
from appealbus.core.bus.duties.filling import fill_lacking
from appealbus.core.bus.duties.leader import LeaderLeases
from appealbus.core.bus.duties.retention import delete_the_old
from appealbus.core.bus.duties.sequencer import Sequencer
from appealbus.core.bus.heartbeat import Heartbeat
from appealbus.core.bus.intake.arrivals import Arrivals
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.bus.service_view import ServiceView
from appealbus.core.bus.tasks import PartTasks, Phase, StopTime
from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.bus.work.casework import Casework
from appealbus.core.bus.work.contract_watch import ContractWatch
from appealbus.core.bus.work.dispatcher import Dispatcher
from appealbus.core.bus.work.isolation import Turns
from appealbus.core.bus.work.reread_watch import RereadWatch
from appealbus.core.bus.work.source_watch import SourceWatch
from appealbus.core.bus.work.source_wires import GuardJournal, SourceWires
from appealbus.core.bus.work.work_hints import NAME as WORK_QUEUE
from appealbus.core.bus.work.work_hints import WorkHints
from appealbus.core.config.loading import Loaded
from appealbus.core.domain.event import by_worker
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.guards.context import GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.limits import Limits
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import claiming, leases
from appealbus.core.journal.deliveries import deliveries as journal_deliveries
from appealbus.core.journal.errors import Superseded
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import Parts
from appealbus.core.planning.contract import present_names
from appealbus.core.plugin_calls import threads
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.core.rights.masker import Masker
from appealbus.core.rights.policy import read_policy
from appealbus.schemas.base import printable

log = structlog.get_logger(__name__)

_HINT = 0.2
"""Seconds to wait for room here. With more, an idle worker waits behind a full one; with less, hints circle."""
_LOOK = 0.05
"""Seconds between two checks whether all work is done. Delays the end of `--until-idle` by this much at most."""
_AWAY = 1.0
"""Seconds before a failed check is repeated."""
_SILENT = 2.0
"""Seconds of silence from the database after which deliveries stop, since they could not be recorded."""
_FAREWELL = 3.0
"""Seconds after the last word of a shared journal to release leases and shares. Otherwise other workers wait half a
minute for them to expire."""


class Bus:
    def __init__(self, loaded: Loaded, parts: Parts, journal: Journal, *, name: str = "") -> None:
        self.settings = loaded.settings
        self.parts = parts
        self.journal = journal
        self.worker = name or uuid4().hex
        """Name of this process among the workers; new at each start."""
        journal.actor = by_worker(self.worker)
        guarding = GuardJournal(journal)
        self._limits = Limits(guarding, self.worker) if journal.shared else None
        self.clock_watch = ClockWatch(journal)
        self.guards = self._guards(guarding)
        self._leader_leases = LeaderLeases(self.worker, journal)
        self._retention_lease = self._leader_leases.add("retention")
        self._filling_leases = [
            (part, self._leader_leases.add(f"journal_part.{part.name}")) for part in journal.keeper.parts
        ]
        self._sequencer = Sequencer(journal, self._leader_leases.add("log"))
        turns, policy, self._masker = Turns(), read_policy(loaded, parts.host), Masker()
        self.relays = [
            Relay(
                policy.of_receiver(name),
                delivery,
                journal,
                self._leader_leases.add(f"relay.{name}"),
                parts.host,
                turns=turns,
                masker=self._masker,
            )
            for name, delivery in parts.deliveries.items()
        ]
        casework = Casework(loaded.settings, parts, journal, self.guards, self.relays, owner=self.worker)
        self._dispatcher = Dispatcher(
            journal,
            casework.work,
            turns,
            owner=self.worker,
            concurrency=self.settings.bus.concurrency,
            first_share=self.settings.bus.first_share,
        )
        lookups = {
            name: frozenset(node.lookup.name for node in parts.nodes if node.lookup.source == name)
            for name in parts.sources
        }
        sources_lease = self._leader_leases.add("sources")
        self._source_watch = SourceWatch(
            journal,
            self.guards,
            lookups,
            sources_lease,
            self._dispatcher,
            worker=self.worker,
            present=present_names({node.lookup.name: node for node in parts.nodes}),
            longest=casework.longest_run,
        )
        self._reread_watch = RereadWatch(
            journal, loaded, parts, self.guards, lease=sources_lease, dispatcher=self._dispatcher
        )
        self._contract_watch = ContractWatch(journal, parts.contracts, casework, self._dispatcher)
        self._reception = Reception(journal, self.settings.bus, parts.host.counting.due_on, policy)
        self.watchdog = Watchdog(parts.host, self._dispatcher.lease)
        self._tasks = PartTasks(parts.host.defects)
        plugin = "" if parts.work is None else parts.host.owner(parts.work)
        self._hints = WorkHints(parts.work, plugin, partial(self._dispatcher.look, _HINT), self._tasks)
        self._arrivals = Arrivals(
            self.settings.bus, journal, self._reception, self._dispatcher, hints=self._hints, host=parts.host
        )
        self._wires = SourceWires(parts.sources, self.guards, self._arrivals, self._tasks)
        self._stopping = False
        self.messages = self._arrivals.messages
        """Messages in, by channel and result: `new`, `repeated`, `quarantined`, or `failed` where nothing was kept."""
        self.answers = self._arrivals.answers
        self.dossiers, self.delays = casework.dossiers, casework.delays
        self._heartbeat = Heartbeat(
            journal,
            self._dispatcher,
            self._source_states,
            self.links,
            casework.dossiers,
            readings=lambda: self._reread_watch.readings,
        )

    def _guards(self, guarding: GuardJournal) -> dict[str, Guard]:
        services = GuardServices(
            access=guarding.access,
            await_answer=guarding.await_answer,
            use_once=guarding.use_answer,
            quota=guarding,
            first_share=self.settings.bus.first_share,
            due=self.journal.now,
            on_change=self._source_changed,
            limits=self._limits,
            defects=self.parts.host.defects,
        )
        return {name: Guard(bound, services) for name, bound in self.parts.sources.items()}

    async def start(self) -> None:
        """Load contracts, open the connections, and start work on waiting appeals.

        A part whose plugin raises is opened again later; the others go on without it.

        Raises:
            ConfigError: a contract named by a source is broken.
            JournalError: limits cannot be shared with other workers, or the available lookups cannot be recorded.
        """
        threads.share(asyncio.get_running_loop())
        await self._reread_watch.start()  # before contracts are read: one that changes meanwhile is news later
        if self._limits is not None:
            await self._limits.start()
            self._tasks.start("limits", self._limits.run, Phase.LAST)
        await self._source_watch.start()
        await self._wires.open()
        await self._contract_watch.start()
        for relay in self.relays:
            await relay.start()
        await self._hints.start()
        self._tasks.start("clock", self.clock_watch.run, Phase.LAST)
        self._tasks.start("dispatch", self._dispatcher.run, Phase.TAKING)
        self._tasks.start("watch", self._heartbeat.run, Phase.LAST)
        self._tasks.start("sources", self._source_watch.run, Phase.LAST)
        self._tasks.start("reread", self._reread_watch.run, Phase.TAKING)
        self._tasks.start("contracts", self._contract_watch.run, Phase.TAKING)
        self._tasks.start("leader_leases", self._leader_leases.run, Phase.LAST)
        retention = partial(delete_the_old, self.journal, self.settings, self._retention_lease)
        self._tasks.start("retention", retention, Phase.LAST)
        for part, lease in self._filling_leases:
            self._tasks.start(lease.name, partial(fill_lacking, self.journal, part, lease), Phase.TAKING)
        self._tasks.start("log", self._sequencer.run, Phase.LAST)
        for relay in self.relays:
            self._tasks.start(f"relay.{relay.name}", relay.run, Phase.LAST)
        self._tasks.start("news", lambda: self.journal.listen(self._wake), Phase.LAST)
        await self._wires.listen()
        log.info("bus.started", sources=len(self.guards), lookups=len(self.parts.nodes))

    def open_doors(self) -> None:
        host = self.parts.host
        for intake in self.parts.intakes:
            self._tasks.start(f"intake.{intake.name}", partial(intake.run, self), Phase.INTAKES, host.owner(intake))
        view = ServiceView(self)
        for service in host.services:
            phase = Phase.LAST if service.through_drain else Phase.TAKING
            self._tasks.start(f"service.{service.name}", partial(service.run, view), phase, host.owner(service))

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Return once the message is on disk. On JournalError the sender keeps it."""
        return await self._arrivals.accept(message)

    def links(self) -> list[LinkState]:
        """Return the states of all persistent connections; a connection shared by several parts appears once."""
        connections = [(f"intake.{intake.name}", intake.links) for intake in self.parts.intakes]
        connections += [(f"delivery.{name}", delivery.links) for name, delivery in self.parts.deliveries.items()]
        connections += [(f"source.{name}", bound.wire.links) for name, bound in self.parts.sources.items()]
        connections += [(WORK_QUEUE, self.parts.work.links)] if self.parts.work is not None else []
        connections += [(f"service.{service.name}", service.links) for service in self.parts.host.services]
        troubled = {state.name: state for state in self._tasks.troubles()}
        for name, links in connections:
            for state in self.links_of(name, links):
                troubled.setdefault(state.name, state)
        return list(troubled.values())

    def links_of(self, name: str, links: Callable[[], Iterable[LinkState]]) -> list[LinkState]:
        """Return the connection states of one part; if its plugin raises, the part counts as down."""
        try:
            return [replace(link, detail=printable(link.detail)) for link in links()]
        except BaseException as error:
            if not is_defect(error):
                raise
            self._tasks.count(name)
            return [LinkState(name, LinkStatus.DOWN, f"its plugin raised {type(error).__name__} over it")]

    @property
    def draining(self) -> bool:
        return self._stopping

    @property
    def in_flight(self) -> int:
        return self._dispatcher.in_flight

    async def settle(self, *, parked: bool = False) -> None:
        """Wait until no work is left for now; with `parked`, until nothing is parked and everything is delivered."""
        while True:  # others put work in through the journal
            try:
                if not await self._has_work(parked):
                    return
            except JournalError as error:
                if not error.passes:
                    raise
                await asyncio.sleep(_AWAY)
            await asyncio.sleep(_LOOK)

    async def _has_work(self, parked: bool) -> bool:
        # Work that begins while the journal is asked may be seen neither there nor here: then another look is needed.
        begun = self._dispatcher.begun
        return await self._has_any(parked) or self._dispatcher.begun != begun

    async def _has_any(self, parked: bool) -> bool:
        if (
            self._dispatcher.busy
            or self._dispatcher.looks_for_lacks
            or self._arrivals.busy
            or self._reread_watch.busy
            or not all(intake.idle for intake in self.parts.intakes)
        ):
            return True
        due = await self.journal.ask(figures.next_due)
        if due is not None and due <= self.journal.now():
            return True
        counts = await self.journal.ask(figures.counts)
        if counts.ready or counts.in_work or counts.suspect or (parked and counts.parked):
            return True
        if parked and any(counts.outbox.get(relay.name) for relay in self.relays):
            return True
        # What a receiver has refused waits for its next attempt and is no work now.
        return any(
            [
                await self.journal.ask(journal_deliveries.undelivered, relay.name, self.journal.now(), 1)
                for relay in self.relays
            ]
        )

    async def stop(self, why: BaseException | None = None) -> None:
        """Stop in phases. Work unfinished after the grace period is parked, or waits in the journal for the next run.

        Cases still running then become suspect, as after a crash. If `why` is set, so do all cases in work, since a
        plugin may have cancelled everything. Raises JournalError if a file journal cannot be written at the end.
        """
        self._stopping = True
        self.watchdog.end_within(self.settings.bus.grace)
        if why is not None and not isinstance(why, AppealBusError):
            self._dispatcher.cut = None
        time = StopTime(self.settings.bus.grace)
        self._dispatcher.stop_taking()
        self._tasks.cancel(Phase.INTAKES, Phase.TAKING)
        await self._end_questions()
        await self._arrivals.wait(time.phase)  # an appeal that is being written down may be leased to this worker
        await self._dispatcher.end(time.cases)
        await self._tasks.wait(Phase.INTAKES, time.grace)
        await self._deliver_the_rest(time.grace)
        await self._tasks.end(time.phase)
        await self._close_parts(time.phase)
        await self._end_decoding(time.phase)
        await self._give_back(time.at_most(_FAREWELL))
        log.info("bus.stopped")

    async def _end_questions(self) -> None:
        await asyncio.gather(*(guard.drain(self.settings.bus.grace) for guard in self.guards.values()))

    async def _deliver_the_rest(self, seconds: float) -> None:
        if self.journal.silent_for < _SILENT and not self.clock_watch.ended:
            await asyncio.gather(*(relay.flush(seconds) for relay in self.relays))

    async def _close_parts(self, seconds: float) -> None:
        deliveries = (
            self._tasks.close(f"delivery.{relay.name}", relay.close, relay.plugin, seconds) for relay in self.relays
        )
        await asyncio.gather(self._wires.close(seconds), *deliveries, self._hints.close(seconds))

    async def _end_decoding(self, seconds: float) -> None:
        """Stop the decoding process; if it is busy with a message, it ends with this process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._reception.aclose()
                await self._masker.aclose()

    async def _give_back(self, seconds: float) -> None:
        within = max(0.0, seconds - self.journal.silent_for) if self.journal.shared else None
        try:
            async with asyncio.timeout(within):
                await self._leader_leases.let_go()
                await self._heartbeat.leave()
                # Before the rest is given back: who never ends is found as who kills.
                if self._dispatcher.cut != []:
                    await claiming.bury(self.journal, self._dispatcher.owner, self._dispatcher.cut)
                await self.journal.do(leases.Release(self._dispatcher.owner))
                await self._sequencer.finish()
                if self._limits is not None:
                    await self._limits.leave()
        except (JournalError, TimeoutError) as error:
            if not self.journal.shared and not isinstance(error, Superseded):
                raise  # a person has to look after a file that cannot be written
            # Other workers take over when the leases are over.
            log.warning("bus.not_released", code=error.code if isinstance(error, JournalError) else "no_answer")

    def _wake(self) -> None:
        self._sequencer.wake()
        for relay in self.relays:
            relay.wake()

    def _source_changed(self, source: str, state: str) -> None:
        self._source_watch.changed(source, state)
        self.parts.host.source_changed(source, state)

    def _source_states(self) -> list[SourceState]:
        return [guard.state() for guard in self.guards.values()]
