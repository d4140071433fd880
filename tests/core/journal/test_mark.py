"""How far a journal is: what may follow what, and that nothing is written where another one is found in its place."""

import asyncio
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import make_url

from appealbus.core.bus.clock_watch import ClockWatch
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.errors import Behind
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.mark import Mark, Place
from tests.core.journal.conftest import NOW
from tests.services.journals import sqlite_journal

AT = Mark("j", 2, 50, NOW, Place("1", 3, 1000))


@pytest.mark.parametrize(
    ("follows", "then"),
    [
        (True, {}),
        (True, {"beat": 51, "place": Place("1", 3, 1001)}),
        (True, {"beat": 51, "place": None}),
        (True, {"place": Place("1", 4, 10)}),  # a promoted standby that had all
        (True, {"beat": 51, "place": Place("2", 1, 10)}),  # an upgraded cluster
        (True, {"epoch": 3, "beat": 1, "place": Place("1", 1, 1)}),  # restored, and said so
        (False, {"epoch": 1, "beat": 70}),
        (False, {"beat": 49}),
        (False, {"clock": NOW + timedelta(seconds=1)}),  # a history that parted before this beat
        (False, {"place": Place("1", 3, 999)}),
        (False, {"beat": 60, "place": Place("1", 2, 5000)}),  # the primary of before is back
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
    assert not found.leads_to(replace(later, place=Place("1", 4, 5000)))
    assert not found.leads_to(replace(later, place=Place("2", 1, 10)))
    assert not found.leads_to(replace(later, place=Place("1", 3, 5000)))  # a dump of it was put back into its cluster
    assert not found.leads_to(replace(later, place=None))
    assert found.leads_to(replace(AT, beat=52, clock=NOW + timedelta(seconds=2), place=Place("1", 3, 1500)))
    assert found.leads_to(replace(later, epoch=3))


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
    for write in (journal.accept(make.new("later")), journal.look(), journal.quarantine(make.quarantine())):
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
    journal.checkpoint.write(await journal.how_far())


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
        assert (await journal.how_far()).place is not None
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
