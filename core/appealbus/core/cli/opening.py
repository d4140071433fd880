"""The journal as commands open it, with its checkpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from appealbus.core.cli.migrating import shown_on
from appealbus.core.cli.person import person
from appealbus.core.cli.terminal import Terminal
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.event import by_person
from appealbus.core.errors import JournalError
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile

log = structlog.get_logger(__name__)

_LAST_LOOK = 1.0
"""Seconds that the checkpoint may keep a command at its end; a database that is silent is not waited for."""


@asynccontextmanager
async def opened(
    bus: BusSettings, terminal: Terminal, *, write: bool, restored: bool, anew: bool, ends_workers: bool
) -> AsyncIterator[Journal]:
    """Open the journal, as `Cli.journal` tells; how far a migration is shows on the terminal."""
    file = bus.checkpoint_file() if write and not restored else None
    checkpoint = None if file is None else Checkpoint(file)
    mark = None if checkpoint is None else checkpoint.read()
    journal = await Journal.open(
        bus.journal,
        bus.journal_password,
        key=KeyFile(bus.key_file(), anew=anew),
        number_prefix=bus.number_prefix,
        read_only=not write,
        tell=shown_on(terminal),
        ends_workers=ends_workers,
    )
    if write:
        journal.actor = by_person(person())
    try:
        if checkpoint is None:
            yield journal
            return
        standing = await journal.standing()
        checkpoint.compare(mark, standing)
        if mark is None and standing.beat:
            log.warning("checkpoint.missing")
        await _mark(journal, checkpoint)  # should we be killed, a copy from before is found out all the same
        try:
            yield journal
        finally:
            await _mark(journal, checkpoint)
    finally:
        await journal.close()


async def _mark(journal: Journal, checkpoint: Checkpoint) -> None:
    try:
        async with asyncio.timeout(_LAST_LOOK - journal.silent_for):
            checkpoint.write(await journal.look())
    except OSError as error:
        if not isinstance(error, TimeoutError):
            log.error("checkpoint.failed", error=type(error).__name__)
    except JournalError:
        pass  # whoever needs the journal says so
    finally:
        checkpoint.close()  # a bus that is about to run is the one to write it
