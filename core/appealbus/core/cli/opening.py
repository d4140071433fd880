"""Opens the journal for commands, with its checkpoint, and shows the progress of a migration."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog
from rich.control import Control
from rich.segment import ControlType

from appealbus.core.bus.heartbeat import BEAT
from appealbus.core.cli.person import person
from appealbus.core.cli.terminal import Terminal
from appealbus.core.clocks import monotonic
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.event import by_person
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal import state, workers
from appealbus.core.journal.checkpoint import Checkpoint, no_checkpoint
from appealbus.core.journal.errors import Behind, NoJournalYet
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile
from appealbus.core.journal.mark import Mark
from appealbus.core.journal.schema import Progress, Tell

if TYPE_CHECKING:
    from appealbus.core.loading.host import Host

log = structlog.get_logger(__name__)


def shown_on(terminal: Terminal) -> Tell | None:
    """Return a function that updates one line; None without a terminal, since the log reports progress then."""
    if not terminal.is_terminal:
        return None

    def show(progress: Progress) -> None:
        part = f"{progress.done:,} of {progress.total:,} appeals"
        terminal.control(Control(ControlType.CARRIAGE_RETURN))  # as text it would be escaped
        terminal.print(f"migrating the journal: {part}, {progress.seconds:.0f} s", end="")
        if progress.done >= progress.total:
            terminal.print()

    return show


_LAST_LOOK = 1.0
"""Seconds for the final write of the checkpoint; a silent database is not waited for."""

_LOOK = 0.2
"""Seconds between checks for a worker; delays the command by this much after a heartbeat."""
_VOUCHED = BEAT + 2.0
"""Seconds for a live worker to show itself: a heartbeat, and some more on a loaded machine."""


@asynccontextmanager
async def opened(
    bus: BusSettings,
    terminal: Terminal,
    host: "Callable[[], Host]",
    *,
    write: bool,
    keeps: bool,
    restored: bool,
    anew: bool,
    ends_workers: bool,
) -> AsyncIterator[Journal]:
    """Open the journal as described at `Cli.journal`; show a migration's progress."""
    checkpoint = Checkpoint(bus.checkpoint_file()) if write and not restored else None
    mark = None if checkpoint is None else checkpoint.read()
    if checkpoint is not None and anew:  # a copy gets no other key
        async with await Journal.open(bus.journal, bus.journal_password, key=bus.key_file(), read_only=True) as there:
            now = await there.ask(state.how_far)
            if mark is None and now.beat:
                raise Behind(no_checkpoint(checkpoint))
            checkpoint.compare(mark, now)
    opening = partial(
        Journal.open,
        bus.journal,
        bus.journal_password,
        key=KeyFile(bus.key_file(), anew=anew),
        number_prefix=bus.number_prefix,
        read_only=not write,
        tell=shown_on(terminal),
        ends_workers=ends_workers,
    )
    try:
        journal = await opening(parts=host().journal_parts if write and keeps else None)
    except NoJournalYet:
        if not write or keeps:
            raise
        journal = await opening(parts=host().journal_parts)
    if write:
        journal.actor = by_person(person())
    if write and keeps:
        journal.keeper.parts, journal.keeper.defects = host().keeping_parts, host().defects
    try:
        if checkpoint is not None:
            journal.checkpoint = await _proved(journal, checkpoint, mark, works=ends_workers)
            journal.memory.trusts = journal.checkpoint is None or not checkpoint.writes
        if journal.checkpoint is None:
            yield journal
            return
        await _mark(journal, journal.checkpoint)  # should we be killed, a copy from before is found out all the same
        try:
            yield journal
        finally:
            await _mark(journal, journal.checkpoint)
    finally:
        await journal.close()


async def _proved(journal: Journal, checkpoint: Checkpoint, mark: Mark | None, *, works: bool) -> Checkpoint | None:
    """Return the checkpoint if it matches the journal; None if a worker's checkpoint is trusted instead.

    Raises Behind if they differ, or a used journal has none.
    """
    now = await journal.ask(state.how_far)
    if mark is not None:
        try:
            checkpoint.compare(mark, now)
        except Behind:
            with suppress(OSError, ConfigError):
                checkpoint.note(now)
            checkpoint.close()
            raise
    elif now.beat and (works or not journal.shared or not await _vouched(journal)):
        raise Behind(no_checkpoint(checkpoint))
    elif now.beat:
        log.info("checkpoint.missing")
        return None
    if journal.shared and not works:
        checkpoint.writes = os.access(checkpoint.path.parent, os.W_OK)
    return checkpoint


async def _vouched(journal: Journal) -> bool:
    """Whether a live worker has compared the journal. Writes before our first read may come from the copied journal."""
    before, ends = await journal.ask(workers.last_heartbeat), monotonic() + _VOUCHED
    while before is not None and monotonic() < ends:
        await asyncio.sleep(_LOOK)
        last = await journal.ask(workers.last_heartbeat)
        if last is not None and last > before:
            return True
    return False


async def _mark(journal: Journal, checkpoint: Checkpoint) -> None:
    try:
        async with asyncio.timeout(_LAST_LOOK - journal.silent_for):
            mark = checkpoint.read()
            # Before the first beat: killed between the two, nobody would know it here. And where a copy was found, this
            # is the right journal again, which no mark would take any more once it has gone on.
            if mark is None or mark.since is not None:
                checkpoint.write(await journal.ask(state.how_far))
            await journal.look()
            checkpoint.write(await journal.ask(state.how_far))
    except (OSError, ConfigError) as error:
        if not isinstance(error, TimeoutError):
            log.error("checkpoint.failed", error=type(error).__name__)
    except JournalError:
        pass  # whoever needs the journal says so
    finally:
        checkpoint.close()  # a bus that is about to run is the one to write it
