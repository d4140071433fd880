"""The bus: brings all parts up, takes appeals in, and brings all parts down again."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from appealbus.core.casework import Casework
from appealbus.core.clocks import wall
from appealbus.core.config.loading import Loaded
from appealbus.core.guards.defects import being_cancelled
from appealbus.core.guards.guard import Guard
from appealbus.core.intake import Inbound, Intake, Quarantined, Taken
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import SourceState
from appealbus.core.parts import Parts
from appealbus.core.reception import Reception
from appealbus.core.relay import Relay
from appealbus.core.service import Service

log = structlog.get_logger(__name__)

_POLL = 1.0
_HOUR = 3600.0
_RESTART = 5.0
_SETTLE = 10.0
_FLUSH = 2.0


class Bus:
    """One running bus over one journal."""

    def __init__(self, loaded: Loaded, parts: Parts, journal: Journal) -> None:
        self.settings = loaded.settings
        self.parts = parts
        self.journal = journal
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
        casework = Casework(loaded.settings, parts, journal, self.guards, self.relays)
        self._dispatcher = casework.dispatcher
        self._reception = Reception(journal, loaded.settings.bus.accepted_by)
        self._arrivals: set[asyncio.Task[Taken | Quarantined]] = set()
        self._parts: list[asyncio.Task[None]] = []
        self._stopping = False
        self._told: list[SourceState] = []

    async def start(self) -> None:
        """Load contracts, open ways out, and begin to work what the journal holds.

        Raises:
            ConfigError: if a contract that a source names is broken.

        """
        await asyncio.gather(*(bound.wire.start() for bound in self.parts.sources.values()))
        for delivery in self.parts.deliveries.values():
            await delivery.start()
        self._go("dispatch", self._dispatcher.run())
        self._go("watch", self._write_source_states())
        self._go("retention", self._forget_the_old())
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
        # A sender that goes away must not leave an appeal on disk that is leased to us and that nobody works.
        arrival = asyncio.create_task(self._accept(message))
        self._arrivals.add(arrival)
        arrival.add_done_callback(self._arrivals.discard)
        return await asyncio.shield(arrival)

    async def _accept(self, message: Inbound) -> Taken | Quarantined:
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
        if received.taken.new:
            self.parts.host.notify("appeal_accepted", receipt=received.taken.receipt)
        return received.taken

    async def settle(self, *, parked: bool = False) -> None:
        """Wait until nothing is left to do now; with `parked` until nothing is parked and all is delivered."""
        while await self._has_work(parked):  # noqa: ASYNC110 - others put work in through the journal
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
        return any([await self.journal.undelivered(relay.name, wall(), 1) for relay in self.relays])

    async def stop(self) -> None:
        """Stop taking, let what is in flight end within the grace period, park the rest, flush, let go."""
        self._stopping = True
        self._dispatcher.stop_taking()
        clock = asyncio.get_running_loop().time
        ends = clock() + self.settings.bus.grace
        for task in self._parts:
            if task.get_name().startswith(("intake.", "service.", "dispatch")):
                task.cancel()
        # What is not answered within the grace period ends as unavailable: parked, and told so.
        await asyncio.gather(*(guard.drain(self.settings.bus.grace) for guard in self.guards.values()))
        await self._dispatcher.end(_SETTLE)
        await asyncio.gather(*(relay.flush(max(_FLUSH, ends - clock())) for relay in self.relays))
        for task in self._parts:
            task.cancel()
        if self._parts:
            _, stuck = await asyncio.wait(self._parts, timeout=_FLUSH)
            for task in stuck:
                log.error("bus.part_stuck", kind=task.get_name())
        await self._note_sources()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH):
                await self._close_parts()
        await self.journal.release(self._dispatcher.owner)
        log.info("bus.stopped")

    async def _close_parts(self) -> None:
        closing: list[Coroutine[Any, Any, None]] = [bound.wire.close() for bound in self.parts.sources.values()]
        closing += [delivery.close() for delivery in self.parts.deliveries.values()]
        await asyncio.gather(*closing, return_exceptions=True)

    def _go(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._part_ended)
        self._parts.append(task)

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        if self._stopping or task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("bus.part_ended", kind=task.get_name(), error=type(error).__name__)

    async def _run_intake(self, intake: Intake[Any]) -> None:
        await _kept_running(lambda: intake.run(self), lambda: log.exception("intake.raised", intake=intake.name))

    async def _run_service(self, service: Service) -> None:
        await _kept_running(lambda: service.run(self), lambda: log.exception("service.raised", service=service.name))

    def _source_changed(self, source: str, state: str) -> None:
        self.parts.host.notify("source_changed", source=source, state=state)

    async def _write_source_states(self) -> None:
        while True:
            await self._note_sources()
            await asyncio.sleep(_POLL)

    async def _forget_the_old(self) -> None:
        """Delete what is done, delivered and past the retention, now and every hour."""
        while True:
            try:
                await self.journal.prune(wall() - timedelta(seconds=self.settings.bus.retention))
            except JournalError:
                log.exception("journal.prune_failed")
            await asyncio.sleep(_HOUR)

    async def _note_sources(self) -> None:
        states = [guard.state() for guard in self.guards.values()]
        told = [replace(state, at=None) for state in states]
        if told != self._told:  # an idle bus writes nothing
            with contextlib.suppress(JournalError):
                await self.journal.put_source_states(states)
                self._told = told


async def _kept_running(run: Callable[[], Coroutine[Any, Any, None]], failed: Callable[[], None]) -> None:
    """Run a part of a plugin until it ends by itself; one that raises starts again."""
    while True:
        try:
            await run()
            return
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            failed()
        except Exception:
            failed()
        await asyncio.sleep(_RESTART)
