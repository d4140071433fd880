"""Orders about sources, as every way in gives them."""

from datetime import timedelta
from pathlib import Path

import pytest

from appealbus.core import clocks
from appealbus.core.errors import JournalError
from appealbus.core.journal import pauses
from appealbus.core.journal.journal import Journal
from appealbus.core.management import sources
from tests.services.journals import sqlite_journal


async def test_a_pause_is_counted_by_the_journals_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is ahead neither stamps it so, nor takes one that is in force for one that is over."""
    journal = await Journal.open(sqlite_journal(tmp_path / "journal.db"))
    try:
        monkeypatch.setattr(journal._clock, "now", lambda: clocks.wall() - timedelta(hours=2))
        now = journal.now()
        given = await sources.pause(journal, "s", now + timedelta(hours=1), reason="a test", by="olga")
        assert timedelta(0) <= given.at - now < timedelta(minutes=1)
        with pytest.raises(JournalError, match="paused or resumed the source meanwhile"):
            await sources.pause(journal, "s", now + timedelta(hours=3), reason="a test", by="marat", seen="")
        assert (await journal.ask(pauses.news)).pauses["s"] == given
    finally:
        await journal.close()
