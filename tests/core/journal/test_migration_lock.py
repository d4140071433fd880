"""A migration and workers: they are told, nobody writes beside it, and who was cut off finds out."""

import asyncio
import threading
import time
from contextlib import nullcontext
from datetime import timedelta

import pytest
from sqlalchemy import text

from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal import figures, migration_lock, state, store, workers
from appealbus.core.journal import journal as journal_module
from appealbus.core.journal.errors import Superseded
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.lock import FileLock
from appealbus.core.journal.migrations import REVISIONS
from appealbus.core.journal.workers import WorkerState
from tests.core.journal.conftest import NOW
from tests.services.journals import engine_of
from tests.services.processes import PATIENCE

WORKER = WorkerState("w", "host", 1, NOW)


@pytest.fixture
def engine(url):
    made = engine_of(url)
    yield made
    made.dispose()


@pytest.fixture
def lock(url, tmp_path):
    """Held around each transaction."""
    if not url.startswith("sqlite"):
        yield nullcontext()
        return
    made = FileLock(tmp_path / "journal.db.lock")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """On a slow machine too what is told counts until the test has looked, and nobody gives up before."""
    monkeypatch.setattr(migration_lock, "_HELD", timedelta(seconds=PATIENCE))
    monkeypatch.setattr(migration_lock, "_PATIENCE", PATIENCE)
    monkeypatch.setattr(journal_module, "_LEAVING", PATIENCE)


@pytest.fixture
def alone(url, engine, lock, tmp_path, monkeypatch):
    """Wait until nobody works the journal, and keep others away, as whoever migrates does."""
    monkeypatch.setattr(migration_lock, "_PAUSE", 0.01)
    monkeypatch.setattr(migration_lock, "_SHORTLY", 0.05)

    def begin(*, tells):
        path = tmp_path / "journal.db"
        fence = (
            migration_lock.sqlite_fence(path) if url.startswith("sqlite") else migration_lock.PostgresqlFence(engine)
        )
        return migration_lock.alone(engine, lock, fence, tells=tells)

    return begin


@pytest.fixture
def become(engine):
    """Say that the tables are of a revision; after the test they are of ours."""

    def do(revision):
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})

    yield do
    do(REVISIONS[-1])


async def test_a_worker_is_told_of_a_migration_that_waits(url, engine, lock):
    """It looks each second; what it has is its own still. Afterwards nothing is in the way."""
    async with await Journal.open(url) as journal:
        with lock, engine.begin() as connection:
            migration_lock.announce(connection)
        with pytest.raises(Superseded) as told:
            await journal.look()
        assert not told.value.done
        await journal.do(state.Probe())
        with lock, engine.begin() as connection:
            connection.execute(text("DELETE FROM lease"))
        await journal.look()


async def test_nothing_is_written_into_tables_of_another_revision(url, become, make):
    """A worker that was cut off while somebody migrated writes nothing: neither on its connection nor on a new one."""
    async with await Journal.open(url) as journal:
        await journal.accept(make.new("m1"))
        become("9999")
        with pytest.raises(Superseded) as told:
            await journal.look()
        assert told.value.done
        if url.startswith("sqlite"):  # elsewhere nobody could migrate as long as it has its connection
            with pytest.raises(Superseded):
                await journal.accept(make.new("m2"))
        become(REVISIONS[-1])
        await journal.accept(make.new("m3"))
        become("9999")
    become(REVISIONS[-1])
    async with await Journal.open(url) as journal:
        assert (await journal.ask(figures.counts)).ready == 2


async def test_a_journal_of_a_newer_release_is_refused_in_words(url, become):
    """To read as to write."""
    become("9999")
    for read_only in (True, False):
        with pytest.raises(ConfigError, match="a newer version of appealbus wrote this journal; upgrade appealbus"):
            await Journal.open(url, read_only=read_only)


async def test_nobody_gets_in_beside_a_migration(url, alone, monkeypatch):
    """No worker begins, no command writes, on neither database."""
    monkeypatch.setattr(journal_module, "_LEAVING", 0.2)
    with alone(tells=True):
        with pytest.raises(JournalError) as refused:
            async with await Journal.open(url) as journal:
                await journal.hold_run_lock()
        assert refused.value.code == "superseded"
    await (await Journal.open(url)).close()


async def test_a_worker_that_lives_is_waited_for_and_told(url, alone, make):
    """The migration begins when it has left; until then it writes as ever."""
    begun = threading.Event()

    def migrate():
        with alone(tells=True):
            begun.set()

    async with await Journal.open(url) as journal:
        await journal.hold_run_lock()
        await journal.do(workers.Beat(WORKER, (), PATIENCE))
        migration = asyncio.create_task(asyncio.to_thread(migrate))
        with pytest.raises(Superseded):  # noqa: PT012
            while True:
                await journal.look()
                await asyncio.sleep(0.01)
        await journal.accept(make.new())
        assert not begun.is_set()
        await journal.do(workers.Beat(WORKER, (), 0.0))
    await migration
    assert begun.is_set()


class Busy:
    """A lock that whoever migrates holds for longer than anybody is patient, and a fence that it leaves with it."""

    seconds, left = 0.1, False

    def __enter__(self):
        time.sleep(self.seconds)
        self.left = True

    def __exit__(self, *_):
        pass

    def taken(self):
        return self.left

    def close(self):
        pass


async def test_whoever_waited_for_the_lock_looks_again(url, engine, monkeypatch):
    """Who migrated has held it, and is done: its successor gets in."""
    monkeypatch.setattr(migration_lock, "_SHORTLY", 0.05)
    await (await Journal.open(url)).close()
    busy = Busy()
    with migration_lock.alone(engine, busy, busy, tells=False):
        assert busy.left


async def test_a_command_tells_nobody_to_end(url, alone):
    """It refuses at once, and the worker goes on; one that does not end is not migrated under."""
    async with await Journal.open(url) as journal:
        await journal.hold_run_lock()
        await journal.do(workers.Beat(WORKER, (), PATIENCE))
        with pytest.raises(JournalError) as refused, alone(tells=False):
            pass
        assert refused.value.code == "in_use"
        await journal.look()


async def test_one_that_does_not_end_is_not_migrated_under(url, alone, monkeypatch):
    """After some time it is given up, and nothing is changed."""
    monkeypatch.setattr(migration_lock, "_PATIENCE", 0.2)
    async with await Journal.open(url) as journal:
        await journal.hold_run_lock()
        await journal.do(workers.Beat(WORKER, (), PATIENCE))
        with pytest.raises(JournalError, match=r"workers of 0\.1\.0"), alone(tells=True):
            pass
        await journal.do(state.Probe())


async def test_processes_that_begin_together_migrate_once(nothing_yet):
    """Of a database without any table, and of one with older tables: all get in."""
    opened = await asyncio.gather(*(Journal.open(nothing_yet) for _ in range(3)))
    for journal in opened:
        await journal.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def nothing_yet(request, tmp_path, migrated):
    return f"sqlite:///{tmp_path}/new.db" if request.param == "sqlite" else request.getfixturevalue("database")


def test_a_reader_needs_no_share(url, alone):
    """Whoever only looks is not in the way of a migration, and not kept out by it."""
    with alone(tells=False):
        store.open_store(url, read_only=True).close()


@pytest.mark.proof
async def test_who_comes_as_the_migration_ends_gets_in(url, engine, lock):
    """Whoever has migrated the journal to our tables is about to leave: that is no reason to end."""
    with lock, engine.begin() as connection:
        migration_lock.announce(connection)
    opening = asyncio.create_task(Journal.open(url))
    await asyncio.sleep(0.2)
    with lock, engine.begin() as connection:
        connection.execute(text("DELETE FROM lease"))
    await (await opening).close()
