"""Opening a journal: what is made, what is refused and in which words."""

import asyncio
import os
import re
import stat
import sys
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine

from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal import access, figures
from appealbus.core.journal.appeals import cases, claiming, lists
from appealbus.core.journal.errors import AlreadyRunning
from appealbus.core.journal.journal import Journal
from tests.services.processes import PATIENCE


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


@pytest.fixture
async def made(path, make):
    """A journal that holds one appeal and is closed."""
    async with await Journal.open(f"sqlite:///{path}") as journal:
        await journal.accept(make.new())
    return path


async def test_the_file_is_for_its_owner_alone(made):
    """Personal data is inside: nobody else may read it."""
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


async def test_closing_leaves_no_log_behind(made):
    """All is in the one file then, which may be copied; closing twice is harmless."""
    journal = await Journal.open(f"sqlite:///{made}")
    await journal.ask(figures.counts)
    await journal.close()
    await journal.close()
    assert sorted(file.name for file in made.parent.iterdir()) == ["journal.db", "journal.db.key", "journal.db.lock"]
    with pytest.raises(JournalError, match="closed"):
        await journal.do(access.Asking([None]))
    with pytest.raises(JournalError, match="closed"):
        await journal.ask(figures.counts)


async def test_reading_only_creates_and_writes_nothing(made, make):
    """The appeal is there, a write is refused, the folder stays as it was."""
    before = made.read_bytes()
    async with await Journal.open(f"sqlite:///{made}", read_only=True) as journal:
        assert (await journal.ask(cases.case, "AB-2026-00000001")).appeal.message_id == "m1"
        with pytest.raises(JournalError, match="reading only"):
            await journal.accept(make.new("m2"))
    assert made.read_bytes() == before
    assert {file.name for file in made.parent.iterdir()} >= {"journal.db", "journal.db.lock"}


async def test_reading_only_sees_what_a_running_bus_writes(path, make):
    """Another process's view is as fresh as the last commit."""
    async with await Journal.open(f"sqlite:///{path}") as writing:
        await writing.accept(make.new("a"))
        async with await Journal.open(f"sqlite:///{path}", read_only=True) as reading:
            await writing.accept(make.new("b"))
            assert [row.message_id for row in await reading.ask(lists.appeals)] == ["a", "b"]


async def test_a_missing_file_is_named_with_what_makes_one(path):
    """Reading only never makes a journal."""
    with pytest.raises(ConfigError, match=r"no journal at .*journal\.db; `appealbus run`"):
        await Journal.open(f"sqlite:///{path}", read_only=True)
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("journal.db", "malformed"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://u:secret@h/d", "cannot be kept in mysql"),
        ("sqlite:////no/such/folder/journal.db", "/no/such/folder does not exist"),
    ],
)
async def test_a_wrong_url_is_refused_with_what_to_write(url, words):
    """The text names the mistake and quotes no password."""
    with pytest.raises(ConfigError, match=words) as caught:
        await Journal.open(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_newer_journal_is_refused(made, read_only):
    """A version that does not know the tables keeps its hands off."""
    change(made, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer version of appealbus"):
        await Journal.open(f"sqlite:///{made}", read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
async def test_another_programs_database_is_refused(path, read_only):
    """Tables that are not a journal's are left alone."""
    change(path, "CREATE TABLE cookies (id INTEGER)")
    with pytest.raises(ConfigError, match="belongs to another program"):
        await Journal.open(f"sqlite:///{path}", read_only=read_only)


async def test_an_empty_database_is_no_journal_to_read(path):
    """A file that was touched but never filled is told from a missing one."""
    path.touch()
    with pytest.raises(ConfigError, match="holds no journal"):
        await Journal.open(f"sqlite:///{path}", read_only=True)
    async with await Journal.open(f"sqlite:///{path}") as journal:
        assert await journal.ask(lists.appeals) == []


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_file_that_is_no_database_is_refused_and_kept(path, read_only):
    """The text names the file; its content stays."""
    path.write_bytes(b"dear diary" * 1000)
    with pytest.raises(JournalError, match=re.escape(f"{path}: the journal failed: the file is not a database")):
        await Journal.open(f"sqlite:///{path}", read_only=read_only)
    assert path.read_bytes() == b"dear diary" * 1000


async def test_a_damaged_file_says_so(path, make):
    """Damage that a read meets is an error of its own, with our words and no quote."""
    async with await Journal.open(f"sqlite:///{path}") as journal:
        for index in range(200):
            await journal.accept(make.new(f"m{index}"))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\x55" * (len(whole) - 4096))
    with pytest.raises(JournalError) as caught:
        async with await Journal.open(f"sqlite:///{path}") as journal:
            await journal.ask(lists.appeals)
    assert caught.value.code == "corrupt"
    assert "damaged" in str(caught.value)


async def test_two_openers_at_once_make_one_journal(tmp_path):
    """Migrations run once, whoever comes first."""
    url = f"sqlite:///{tmp_path}/journal.db"
    opened = await asyncio.gather(*(Journal.open(url) for _ in range(4)))
    for journal in opened:
        assert await journal.ask(lists.appeals) == []
        await journal.close()


async def test_one_process_works_a_journal(path, make):
    """A second runner is refused with the first one's pid; what a dead one had leased is free for the next."""
    url = f"sqlite:///{path}"
    first = await Journal.open(url)
    await first.hold_run_lock()
    await first.accept(make.new(), owner="first", lease_seconds=10**6)
    second = await Journal.open(url)
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} runs the bus"):
        await second.hold_run_lock()
    await first.close()

    await second.hold_run_lock()
    assert len(await claiming.claim(second, claiming.Claim("second", datetime.now(UTC), 10, 60))) == 1
    await second.close()


@pytest.mark.proof
async def test_the_run_lock_dies_with_its_process(path):
    """After SIGKILL the next runner gets in."""
    code = (
        "import asyncio, os, signal, sys\n"
        "from appealbus.core.journal.journal import Journal\n"
        "async def main():\n"
        "    await (await Journal.open(sys.argv[1])).hold_run_lock()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    url = f"sqlite:///{path}"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, url)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == -9
    async with await Journal.open(url) as journal:
        await journal.hold_run_lock()


def change(path, statement):
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


async def test_another_process_does_not_take_this_one_for_gone(made, make):
    """Whoever opens the journal a second time in one process keeps the locks of the first: its log stays with it."""
    script = f"import sqlite3; sqlite3.connect({str(made)!r}).execute('SELECT count(*) FROM appeal').connection.close()"
    async with await Journal.open(f"sqlite:///{made}") as journal:
        async with await Journal.open(f"sqlite:///{made}"):
            await journal.accept(make.new("m2"))
        log = made.with_name("journal.db-wal").stat().st_ino
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        assert await asyncio.wait_for(other.wait(), PATIENCE) == 0
        assert made.with_name("journal.db-wal").stat().st_ino == log
