"""The sequencer: soon after work, seldom without, by one worker for all, and once more at the end."""

import asyncio
from dataclasses import replace

import pytest

from appealbus.core.bus.duties import sequencer
from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.bus.duties.sequencer import Sequencer
from appealbus.core.journal import events, figures
from appealbus.core.journal.journal import Journal
from tests.core.journal.conftest import Make
from tests.services.asking import instead
from tests.services.processes import PATIENCE


@pytest.fixture
async def journal(journal_database):
    async with await Journal.open(journal_database) as opened:
        yield opened


async def position(journal):
    return (await journal.ask(figures.counts)).log_position


async def test_positions_come_by_themselves(journal, monkeypatch):
    """News shortens a long pause; while another worker holds the lease nothing is done."""
    monkeypatch.setattr(sequencer, "_SOON", 0.01)
    monkeypatch.setattr(sequencer, "_LATEST", 30.0)
    lease = LeaderLease("log", "me", journal)
    gives = Sequencer(journal, lease)
    task = asyncio.create_task(gives.run())
    await journal.accept(Make().new("m1"))
    await asyncio.sleep(0.1)
    assert await position(journal) == 0

    await lease.renew()
    async with asyncio.timeout(PATIENCE):
        while await position(journal) < 1:
            gives.wake()
            await asyncio.sleep(0.01)
    task.cancel()


async def test_no_look_follows_one_that_was_not_full(journal, monkeypatch):
    """What is there is placed batch by batch; what came meanwhile waits for the next look, and costs no other one."""
    monkeypatch.setattr(events, "PLACED", 4)
    lease = LeaderLease("log", "me", journal)
    await lease.renew()
    for message in range(6):
        await journal.accept(Make().new(str(message)))
    do, looks = journal.do, []

    async def looking(item):
        looks.append(await do(replace(item, most=4)))
        await journal.accept(Make().new(f"late {len(looks)}"))
        return looks[-1]

    instead(monkeypatch, journal, events.Placing, looking)
    assert await Sequencer(journal, lease)._look() == 7
    assert looks == [4, 3]


async def test_what_is_left_is_placed_at_the_end(journal):
    """Whoever holds the lease: a worker that ends leaves nothing behind that another would have to be there for."""
    await journal.accept(Make().new("m1"))
    await Sequencer(journal, LeaderLease("log", "me", journal)).finish()
    assert await position(journal) == 1


async def test_a_file_needs_no_sequencer(tmp_path):
    """There positions are given as entries are written."""
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        await asyncio.wait_for(Sequencer(journal, LeaderLease("log", "me", journal)).run(), PATIENCE)
        await journal.accept(Make().new("m1"))
        assert await position(journal) == 1
