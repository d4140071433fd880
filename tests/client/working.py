"""A bus that works a journal beside a server of it, in the process of the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build, load_plugins


@asynccontextmanager
async def working(url: str, folder: Path) -> AsyncIterator[Bus]:
    """Run a bus that works the journal."""
    loaded = from_document({"bus": {"journal": url, "grace": 1}}, folder, env={})
    parts = build(loaded, load_plugins(loaded))
    async with await Journal.open(url, key=loaded.settings.bus.key_file()) as journal:
        await journal.hold_run_lock()
        bus = Bus(loaded, parts, journal)
        await bus.start()
        bus.open_doors()
        try:
            yield bus
        finally:
            await bus.stop()
