"""How far a journal is: what may follow what, and that nothing is written where another one is found in its place."""

import asyncio
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import make_url

from appealbus.core.bus import clock_watch
from appealbus.core.bus.clock_watch import ClockWatch
from appealbus.core.journal import checkpoint as checkpoint_module
from appealbus.core.journal import events, state
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.errors import Behind
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.lock import FileLock, HostLock
from appealbus.core.journal.mark import Mark, WalPosition
from tests.core.journal.conftest import NOW
from tests.services.journals import sqlite_journal

AT = Mark("j", 2, 50, NOW, WalPosition("1", 3, 1000))


@pytest.mark.parametrize(
    ("follows", "then"),
    [
        (True, {}),
        (True, {"beat": 51, "place": WalPosition("1", 3, 1001)}),
        (True, {"beat": 51, "place": None}),
        (True, {"place": WalPosition("1", 4, 10)}),  # a promoted standby that had all
        (True, {"beat": 51, "place": WalPosition("2", 1, 10)}),  # an upgraded cluster
        (True, {"epoch": 3, "beat": 1, "place": WalPosition("1", 1, 1)}),  # restored, and said so
        (False, {"epoch": 1, "beat": 70}),
        (False, {"beat": 49}),
        (False, {"clock": NOW + timedelta(seconds=1)}),  # a history that parted before this beat
        (False, {"place": WalPosition("1", 3, 999)}),
        (False, {"beat": 60, "place": WalPosition("1", 2, 5000)}),  # the primary of before is back
        (False, {"journal": "k"}),
        (False, {"journal": "k", "epoch": 3}),
    ],
)
def test_what_may_follow(follows, then):
    """Epoch and beat decide; timeline and position count within one system alone."""
    assert AT.leads_to(replace(AT, **then)) is follows


def test_where_a_copy_was_found_it_is_refused_however_far_others_have_worked_it():
    """The journal from before may follow, and what was restored."""
    found = replace(AT, since=NOW)
    later = replace(AT, beat=500, clock=NOW + timedelta(hours=1))
    assert not found.leads_to(replace(later, place=WalPosition("1", 4, 5000)))
    assert not found.leads_to(replace(later, place=WalPosition("2", 1, 10)))
    assert not found.leads_to(
        replace(later, place=WalPosition("1", 3, 5000))
    )  # a dump of it was put back into its cluster
    assert not found.leads_to(replace(later, place=None))
    assert found.leads_to(replace(AT, beat=52, clock=NOW + timedelta(seconds=2), place=WalPosition("1", 3, 1500)))
    assert found.leads_to(replace(later, epoch=3))


def test_a_log_that_has_lost_its_end_is_that_of_a_copy():
    """However new its beats are; a restored one begins anew."""
    mark = replace(AT, head=70)
    assert mark.leads_to(replace(mark, beat=51, head=70))
    assert mark.leads_to(replace(mark, beat=51, head=None))
    assert not mark.leads_to(replace(mark, beat=51, head=69))
    assert mark.leads_to(replace(mark, epoch=3, head=2))


async def test_a_copy_beside_the_wal_of_what_was_lost_is_refused(tmp_path, make):
    """SQLite puts the newest beats of the WAL into it: by these alone it is the right journal."""
    path = tmp_path / "journal.db"
    async with await Journal.open(sqlite_journal(path)) as journal:
        await journal.accept(make.new("a"))
        await journal.do(events.Placing())
    shutil.copy(path, tmp_path / "copy.db")
    async with await Journal.open(sqlite_journal(path)) as journal:
        await journal.accept(make.new("b"))
        await journal.do(events.Placing())
    async with await Journal.open(sqlite_journal(path)) as journal:
        for _ in range(3):
            await journal.look()
        mark = await journal.ask(state.how_far)
        (tmp_path / "wal").write_bytes((tmp_path / "journal.db-wal").read_bytes())
    (tmp_path / "copy.db").rename(path)
    (tmp_path / "wal").rename(tmp_path / "journal.db-wal")
    async with await Journal.open(sqlite_journal(path)) as journal:
        now = await journal.ask(state.how_far)
        assert len(await journal.ask(lists.appeals)) == 1
    assert (now.beat, mark.leads_to(now), mark.lost_its_log(now)) == (mark.beat, False, True)


async def test_a_mark_that_nobody_moves_is_told(tmp_path, monkeypatch):
    """Another process holds its lock, and writes nothing: a copy from meanwhile would not be known."""
    monkeypatch.setattr(clock_watch, "_UNMOVED", timedelta())
    stuck, ours = Checkpoint(tmp_path / "mark"), Checkpoint(tmp_path / "mark")
    async with await Journal.open(sqlite_journal(tmp_path / "journal.db")) as journal:
        await journal.look()
        assert stuck.write(await journal.ask(state.how_far))
        journal.checkpoint = ours
        watch = ClockWatch(journal)
        await watch._look()
        assert "holds its lock" in (watch.problem or "")
        stuck.close()
        await watch._look()
        await watch._look()
        assert watch.problem is None
    ours.close()


async def test_who_cannot_read_the_mark_gives_signs_of_life_all_the_same(tmp_path):
    """Or copies from then on would all look alike, and nobody would see a jump of the clock, or a newer release."""
    (tmp_path / "mark").mkdir()
    async with await Journal.open(sqlite_journal(tmp_path / "journal.db")) as journal:
        journal.checkpoint = Checkpoint(tmp_path / "mark")
        watch = ClockWatch(journal)
        for _ in range(3):
            await watch._look()
        assert (await journal.ask(state.how_far)).beat == 3
        assert "cannot be read" in (watch.problem or "")


async def test_a_disk_that_does_not_answer_is_told_and_keeps_nobody_from_signs_of_life(tmp_path, monkeypatch):
    """Such as that of a file server that is away: nothing ends a thread that waits for it, and no more wait there."""
    monkeypatch.setattr(clock_watch, "_FROZEN", 0.2)
    os.mkfifo(tmp_path / "mark")
    async with await Journal.open(sqlite_journal(tmp_path / "journal.db")) as journal:
        journal.checkpoint = Checkpoint(tmp_path / "mark")
        watch = ClockWatch(journal)
        for beat in (1, 2, 3):
            async with asyncio.timeout(5):
                await watch._look()
            assert (await journal.ask(state.how_far)).beat == beat
            assert "does not answer" in (watch.problem or "")
        with (tmp_path / "mark").open("wb"):
            pass
        await asyncio.wait([watch._writing])
        watch._writing.exception()


FORKS = """
import os, pathlib, sys, time
from appealbus.core.journal.lock import HostLock
lock = HostLock(pathlib.Path(sys.argv[1]))
assert lock.taken()
if os.fork():
    os._exit(0)
os.close(1)
time.sleep(60)
"""


def test_what_a_process_forks_holds_none_of_its_locks(tmp_path):
    """A pool of a plugin that outlives its worker keeps the next one from nothing."""
    with subprocess.Popen([sys.executable, "-c", FORKS, tmp_path / "lock"], stdout=subprocess.PIPE) as parent:
        assert parent.communicate() == (b"", None)  # the child is there, and has let go
    lock = HostLock(tmp_path / "lock")
    assert lock.taken()
    lock.close()


def test_who_waits_for_the_file_is_told_and_never_hangs(tmp_path, monkeypatch):
    """Its lock is a bounded one that no forked process keeps."""
    monkeypatch.setattr(checkpoint_module, "_PATIENCE", 0.1)
    turn, checkpoint = FileLock(tmp_path / "mark.turn"), Checkpoint(tmp_path / "mark")
    with turn, pytest.raises(OSError, match="for too long"):
        checkpoint.write(AT)
    assert checkpoint.write(AT)
    checkpoint.close()
    turn.close()


def test_the_mark_only_grows(tmp_path):
    """Whoever writes what is behind it leaves it as it is; `restored` alone makes it anew."""
    checkpoint = Checkpoint(tmp_path / "mark")
    for then, is_there in ((AT, AT), (replace(AT, beat=49), AT), (replace(AT, journal="k"), AT)):
        assert checkpoint.write(then)
        assert checkpoint.read() == is_there
    checkpoint.note(replace(AT, beat=40, clock=NOW - timedelta(seconds=9)))
    checkpoint.note(replace(AT, beat=45, clock=NOW - timedelta(seconds=4)))
    assert checkpoint.read() == replace(AT, since=NOW - timedelta(seconds=9))
    checkpoint.write(replace(AT, journal="k", epoch=1), anew=True)
    assert checkpoint.read() == replace(AT, journal="k", epoch=1)
    checkpoint.close()


async def refused(journal, make):
    """Insist that nothing is written any more, by whatever way, and the mark stays."""
    watch, mark = ClockWatch(journal), journal.checkpoint.read()
    for write in (journal.accept(make.new("later")), journal.look(), journal.do(make.quarantine())):
        with pytest.raises(Behind, match=r"gone back|replaced"):
            await write
    running = asyncio.create_task(watch.run())
    with pytest.raises(Behind):
        await asyncio.wait_for(watch.over(), 10)
    running.cancel()
    await asyncio.wait([running])
    assert watch.ended
    assert replace(journal.checkpoint.read(), since=None) == mark


async def marked(journal, tmp_path):
    """Give it a checkpoint, as a bus that has run."""
    await journal.look()
    await journal.look()
    journal.checkpoint = Checkpoint(tmp_path / "mark")
    journal.checkpoint.write(await journal.ask(state.how_far))


@pytest.mark.parametrize("then", ["replaced", "taken away"])
async def test_a_file_that_is_put_in_its_place_is_not_written_to(tmp_path, make, then):
    """Nor is the one that is gone: receipts for what lies in it would be worth nothing."""
    url, path = sqlite_journal(tmp_path / "journal.db"), tmp_path / "journal.db"
    shutil.copy(path, tmp_path / "copy.db")
    async with await Journal.open(url) as journal:
        await marked(journal, tmp_path)
        await journal.accept(make.new("before"))
        if then == "replaced":
            (tmp_path / "copy.db").rename(path)
        else:
            path.rename(tmp_path / "away.db")
        await refused(journal, make)


async def test_a_database_that_has_gone_back_is_not_written_to(postgres, journal_database, make, tmp_path):
    """It is compared as a connection is made to it, before anything is written over that."""
    name = make_url(journal_database).database
    async with await Journal.open(journal_database) as journal:
        await marked(journal, tmp_path)
        await journal.accept(make.new("before"))
        assert (await journal.ask(state.how_far)).place is not None
        postgres.execute("UPDATE standing SET beat = beat - 1", name)
        postgres.cut_off(name)
        await refused(journal, make)
        assert postgres.execute("SELECT count(*) FROM appeal", name) == [(1,)]


async def test_what_a_checkpoint_of_this_machine_knows_counts_too(journal, make, tmp_path):
    """Of several processes the one that has seen the most tells the others, by the file."""
    await marked(journal, tmp_path)
    now = journal.checkpoint.read()
    journal.checkpoint.write(replace(now, beat=now.beat + 100))
    watch = ClockWatch(journal)
    running = asyncio.create_task(watch.run())
    with pytest.raises(Behind, match="an older copy"):
        await asyncio.wait_for(watch.over(), 10)
    running.cancel()
    await asyncio.wait([running])
    with pytest.raises(Behind):
        await journal.accept(make.new())
