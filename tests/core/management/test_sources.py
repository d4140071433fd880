"""Orders about sources, as every way in gives them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.core import clocks
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import JournalError
from appealbus.core.journal import pauses, workers
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


@pytest.mark.parametrize(("breaker", "word"), [("closed", "answers"), ("half_open", "half_open"), ("open", "open")])
async def test_what_no_living_worker_says_is_not_known(tmp_path: Path, breaker: str, word: str) -> None:
    """No source answers while nobody asks it, and a breaker is as dead as its worker; a person's order holds on."""
    worker = workers.WorkerState("w", "host", 1, datetime.now(UTC))
    state = SourceState("s", "soap", breaker, 0, 0, 0.0)
    async with await Journal.open(sqlite_journal(tmp_path / "journal.db")) as journal:
        for seconds, expected in ((60.0, word), (0.0, "unknown")):
            await journal.do(workers.Beat(worker, [state], seconds))
            (standing,) = await sources.standings(journal)
            assert (standing.word, standing.state) == (expected, state)
        await sources.pause(journal, "s", journal.now() + timedelta(hours=1), reason="a test", by="olga")
        assert [standing.word for standing in await sources.standings(journal)] == ["paused"]
