"""The network between the journal and PostgreSQL falls silent."""

import asyncio
import threading
import time
from functools import partial

import psycopg
import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from appealbus.core.errors import JournalError
from appealbus.core.journal import journal as journals
from appealbus.core.journal import pipeline, postgresql, writer
from appealbus.core.journal.errors import OutcomeUnknown
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.writes import numbering
from tests.services.proxy import FaultProxy

_ENDED = b"SFATAL\0VFATAL\0C08P01\0Mserver conn crashed?\0\0"
"""What a pooler says for a server that is gone."""


@pytest.fixture
def url(journal_database):
    return journal_database


@pytest.fixture
def proxy(postgres):
    with FaultProxy(postgres.port) as between:
        yield between


@pytest.fixture
def behind(proxy, postgres, url):
    """The database's URL, through the proxy."""
    return postgres.url_at(proxy.port, make_url(url).database)


@pytest.fixture
def hasty(monkeypatch):
    """Give up sooner, so that a test need not wait."""
    monkeypatch.setattr(writer, "_PATIENCE", 0.5)


async def test_a_line_that_swallows_everything_is_given_up(behind, make, proxy, monkeypatch, hasty):
    """No answer within the time is a lost connection: writes and reads fail, and work again once the line does."""
    monkeypatch.setattr(postgresql, "_WAIT_SECONDS", 1.0)
    monkeypatch.setitem(postgresql.CONNECTION_SETTINGS, "connect_timeout", "2")
    async with await Journal.open(behind) as journal:
        await journal.accept(make.new("before"))
        await journal.appeals()
        proxy.blackhole()
        write = asyncio.ensure_future(journal.accept(make.new("swallowed")))
        with pytest.raises(JournalError) as caught:
            await asyncio.wait_for(journal.appeals(), 30)
        assert caught.value.code == "unreachable"
        with pytest.raises(JournalError) as caught:
            await asyncio.wait_for(write, 30)
        assert caught.value.code == "unreachable"
        proxy.heal()
        await asyncio.wait_for(journal.accept(make.new("swallowed")), 30)
        assert [row.message_id for row in await journal.appeals()] == ["before", "swallowed"]


async def test_a_line_that_swallows_everything_holds_up_no_end(behind, make, proxy):
    """Who waits there is told soon after the journal is closed, writers and readers, and no thread stays."""
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    await journal.appeals()
    proxy.blackhole()
    waiting = [asyncio.ensure_future(each) for each in (journal.accept(make.new("swallowed")), journal.appeals())]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    with capture_logs() as logs:
        await journal.close()
    assert time.monotonic() - began < 15
    assert "journal.cut_off" in {line["event"] for line in logs}
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {result.code for result in results} == {"unreachable"}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("journal-")]


async def test_what_was_waited_already_counts_at_the_end(behind, make, proxy):
    """A write that has heard nothing for longer than an end waits is called off at once."""
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    assert journal.silent_for == 0.0
    proxy.blackhole()
    waiting = asyncio.ensure_future(journal.accept(make.new("swallowed")))
    await asyncio.sleep(3.5)
    assert journal.silent_for > 3.0
    began = time.monotonic()
    await journal.close()
    assert time.monotonic() - began < 2.0
    assert journal.silent_for == 0.0
    with pytest.raises(JournalError):
        await waiting


async def test_a_long_write_that_hears_of_the_database_is_not_silent(journal):
    """Only the time since its last sign counts."""

    def slow(connection, items):
        time.sleep(0.6)
        return items

    writes = [journal._write.submit(partial(slow), at) for at in range(3)]
    done = asyncio.gather(*writes)
    heard = []
    while not done.done():
        heard.append(journal.silent_for)
        await asyncio.sleep(0.05)
    assert await done == [0, 1, 2]
    assert 0.3 < max(heard) < 1.5


async def test_a_line_that_is_still_being_made_is_cut_too(behind, make, proxy, monkeypatch):
    """The end of the journal does not wait for a connection that nobody needs any more."""
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    proxy.blackhole("down")
    proxy.cut()
    waiting = asyncio.ensure_future(journal.accept(make.new("swallowed")))
    await asyncio.sleep(1.0)
    assert journal._writer._connection is None  # it connects
    monkeypatch.setattr(journals, "_ENDING", 1.2)
    began = time.monotonic()
    await journal.close()
    assert time.monotonic() - began < 3.0
    with pytest.raises(JournalError):
        await waiting


async def test_a_line_that_dies_in_a_transaction_soon_sets_the_others_free(behind, url, make, proxy):
    """What its end of it had locked is unlocked by the database, long before the end itself has noticed."""
    async with await Journal.open(url) as healthy:
        await healthy.accept(make.new("before"))
        journal = await Journal.open(behind)

        def dying(connection, items):
            numbering.Numbers.locked(connection, [], ["appeal"])
            proxy.blackhole()
            connection.exec_driver_sql("SELECT 1")
            return items

        dead = asyncio.ensure_future(journal._write.submit(dying, 7))
        await asyncio.sleep(0.5)
        began = time.monotonic()
        assert (await healthy.accept(make.new("others"))).receipt.number == "AB-2026-00000002"
        assert time.monotonic() - began < 6
        await journal.close()
        with pytest.raises(JournalError):
            await dead


@pytest.mark.parametrize(
    "raw", [b"E" + (len(_ENDED) + 4).to_bytes(4) + _ENDED, b"\0\xff" * 40], ids=["pooler", "noise"]
)
async def test_who_ends_a_line_does_not_know_what_was_committed(behind, make, proxy, raw):
    """A pooler tells of a lost server in place of the first answer; what nobody understands ends at once."""
    async with await Journal.open(behind) as journal:
        await journal.accept(make.new("before"))
        proxy.answer(raw)
        with pytest.raises(OutcomeUnknown):
            await asyncio.wait_for(journal.access([make.access("n")]), 20)
        assert len(await journal.access_rows()) == 1


async def test_a_database_that_ends_after_the_commit_has_committed(url, make, monkeypatch):
    """It says so in place of the last answer, and that is no sign of what was not done."""
    ended = []

    class Late(pipeline._Syncs):
        def add(self):
            if not ended:
                self._line.flush()
                with psycopg.connect(url, autocommit=True) as other:
                    while not other.execute("SELECT 1 FROM access").fetchone():
                        time.sleep(0.02)
                    ended.append(other.execute("SELECT pg_terminate_backend(%s)", [self._line.backend_pid]).fetchone())
                    while other.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE pid = %s", [self._line.backend_pid]
                    ).fetchone():
                        time.sleep(0.02)
            super().add()

    async with await Journal.open(url) as journal:
        await journal.accept(make.new("before"))
        monkeypatch.setattr(pipeline, "_Syncs", Late)
        with pytest.raises(OutcomeUnknown):
            await journal.access([make.access("n")])
        assert ended
        assert len(await journal.access_rows()) == 1
