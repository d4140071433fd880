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
from appealbus.core.journal import access, postgresql, writer
from appealbus.core.journal import journal as journals
from appealbus.core.journal.appeals import lists, numbering
from appealbus.core.journal.drivers import pipeline
from appealbus.core.journal.errors import OutcomeUnknown
from appealbus.core.journal.journal import Journal
from tests.services.processes import PATIENCE
from tests.services.proxy import FaultProxy

_FOREVER = 10 * PATIENCE
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


@pytest.mark.proof
async def test_a_line_that_swallows_everything_is_given_up(behind, make, proxy, monkeypatch, hasty):
    """No answer within the time is a lost connection: writes and reads fail, and work again once the line does."""
    monkeypatch.setattr(postgresql, "_WAIT_SECONDS", 1.0)
    monkeypatch.setitem(postgresql.CONNECTION_SETTINGS, "connect_timeout", "2")
    async with await Journal.open(behind) as journal:
        await journal.accept(make.new("before"))
        await journal.ask(lists.appeals)
        proxy.blackhole()
        write = asyncio.ensure_future(journal.accept(make.new("swallowed")))
        with pytest.raises(JournalError) as caught:
            await asyncio.wait_for(journal.ask(lists.appeals), PATIENCE)
        assert caught.value.code == "unreachable"
        with pytest.raises(JournalError) as caught:
            await asyncio.wait_for(write, PATIENCE)
        assert caught.value.code == "unreachable"
        proxy.heal()
        await asyncio.wait_for(journal.accept(make.new("swallowed")), PATIENCE)
        assert [row.message_id for row in await journal.ask(lists.appeals)] == ["before", "swallowed"]


@pytest.mark.proof
async def test_a_line_that_swallows_everything_holds_up_no_end(behind, make, proxy, monkeypatch):
    """Who waits there is told soon after the journal is closed, writers and readers, and no thread stays."""
    monkeypatch.setattr(postgresql, "_WAIT_SECONDS", _FOREVER)
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    await journal.ask(lists.appeals)
    proxy.blackhole()
    waiting = [
        asyncio.ensure_future(each) for each in (journal.accept(make.new("swallowed")), journal.ask(lists.appeals))
    ]
    await asyncio.sleep(0.5)
    async with asyncio.timeout(PATIENCE):
        with capture_logs() as logs:
            await journal.close()
    assert "journal.cut_off" in {line["event"] for line in logs}
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {result.code for result in results} == {"unreachable"}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("journal-")]


async def test_what_was_waited_already_counts_at_the_end(behind, make, proxy, monkeypatch):
    """A write that has heard nothing for longer than an end waits is called off at once."""
    monkeypatch.setattr(postgresql, "_WAIT_SECONDS", _FOREVER)
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    assert journal.silent_for == 0.0
    proxy.blackhole()
    waiting = asyncio.ensure_future(journal.accept(make.new("swallowed")))
    await asyncio.sleep(0.5)
    assert journal.silent_for > 0.4
    asked_at = journal._writer._asked_at
    monkeypatch.setattr(journals, "_ENDING", _FOREVER)
    journal._writer._asked_at = asked_at - _FOREVER
    async with asyncio.timeout(PATIENCE):
        await journal.close()
    assert journal.silent_for == 0.0
    with pytest.raises(JournalError):
        await waiting


async def test_a_long_write_that_hears_of_the_database_is_not_silent(journal):
    """Only the time since its last sign counts."""
    begun, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def slow(connection, items):
        begun.release()
        assert go_on.acquire(timeout=PATIENCE)
        return items

    done = asyncio.gather(*(journal._write.submit(partial(slow), at) for at in range(2)))
    await asyncio.to_thread(begun.acquire, timeout=PATIENCE)
    await asyncio.sleep(0.3)
    assert journal.silent_for >= 0.3
    went_on = time.monotonic()
    go_on.release()
    await asyncio.to_thread(begun.acquire, timeout=PATIENCE)
    assert journal.silent_for <= time.monotonic() - went_on
    go_on.release()
    assert await done == [0, 1]


@pytest.mark.proof
async def test_a_line_that_is_still_being_made_is_cut_too(behind, make, proxy, monkeypatch):
    """The end of the journal does not wait for a connection that nobody needs any more."""
    monkeypatch.setitem(postgresql.CONNECTION_SETTINGS, "connect_timeout", str(round(_FOREVER)))
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    proxy.blackhole("down")
    proxy.cut()
    waiting = asyncio.ensure_future(journal.accept(make.new("swallowed")))
    await asyncio.sleep(1.0)
    assert journal._writer._connection is None  # it connects
    monkeypatch.setattr(journals, "_ENDING", 1.2)
    async with asyncio.timeout(PATIENCE):
        await journal.close()
    with pytest.raises(JournalError):
        await waiting


@pytest.mark.proof
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
        assert time.monotonic() - began < 25  # an idle reader's half a minute would be too long
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
            await asyncio.wait_for(journal.do(access.Asking([make.access("n")])), PATIENCE)
        assert len(await journal.ask(access.access_rows)) == 1


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
            await journal.do(access.Asking([make.access("n")]))
        assert ended
        assert len(await journal.ask(access.access_rows)) == 1
