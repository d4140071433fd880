"""Limits hold while workers die or are cut off, and the journal is slow, loses replies or is away. In virtual time."""

import asyncio
import random
from contextlib import suppress

import pytest

from appealbus.core.errors import JournalError
from appealbus.core.guards.worker_share import LEASE
from tests.core.team import Agency, Worker, team


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(12))
def test_the_limits_hold_whatever_happens(virtual, bench, tables, seed):
    """Crowds come and go, replies of the journal are lost, it is away, workers are cut off, die and start."""

    async def scenario():
        dice = random.Random(seed)
        agency, journal = Agency(), tables(seed=seed)
        limit, rate, burst = dice.choice([1, 2, 5, 12]), dice.choice([5.0, 20.0, 60.0]), dice.choice([1, 3, 10])
        given = {"concurrency": limit, "rate": rate, "burst": burst, "timeout": 3.0}
        journal.loses, journal.slow = dice.choice([0, 0.1, 0.5]), dice.choice([0.002, 0.1, 1.0])
        workers = []

        async def start():
            worker = Worker(bench, journal, agency, lambda: dice.uniform(0, 4), **given)
            while True:
                try:
                    await worker.start()
                    break
                except JournalError:
                    await asyncio.sleep(0.5)
            workers.append(worker)

        for _ in range(3):
            await start()
        for _ in range(60):
            await asyncio.sleep(dice.uniform(0, 4))
            what = dice.choice(["ask", "ask", "ask", "away", "cut", "mend", "mend", "die", "start", "leave", "cancel"])
            worker = dice.choice(workers) if workers else None
            if what == "ask" and worker:
                for _ in range(dice.randint(1, 40)):
                    worker.ask(dice.uniform(1, 60))
            elif what == "away":
                journal.away = True
            elif what == "cut" and worker:
                journal.cut.add(worker.name)
            elif what == "mend":
                journal.away = False
                journal.cut.clear()
            elif what == "cancel" and worker and worker.crowd:
                dice.choice(sorted(worker.crowd, key=id)).cancel()
            elif what in {"die", "leave"} and len(workers) > 1:
                workers.remove(worker)
                await worker.stop()
                if what == "leave" and not journal.away and worker.name not in journal.cut:
                    with suppress(JournalError):
                        await worker.limits.leave()
            elif what == "start" and len(workers) < 4 and not journal.away:
                await start()
            assert agency.flying <= limit
        for worker in workers:
            await worker.stop()
        assert agency.peak <= limit
        assert agency.left_at
        agency.within(rate, burst)

    virtual(scenario)


@pytest.mark.proof
def test_a_dead_worker_s_share_is_free_once_its_lease_ends(virtual, bench, tables):
    """Not before its calls have ended for sure, and not much later."""

    async def scenario():
        agency = Agency()
        async with team(bench, tables(), agency, 2, concurrency=4, timeout=3.0) as (dying, living):
            for worker in (dying, living):
                for _ in range(2000):
                    worker.ask()
            await asyncio.sleep(2)
            assert agency.flying == 4
            dying.task.cancel()
            for task in tuple(dying.crowd):
                task.cancel()
            died = dying.test.time()
            await asyncio.sleep(2)
            assert agency.flying == 2
            await asyncio.sleep(LEASE + 3 + 2 - 2 + 1)
            assert agency.flying == 4
            assert dying.test.time() - died < LEASE + 3 + 2 + 2

    virtual(scenario)


@pytest.mark.proof
def test_a_worker_without_the_journal_stops_in_time(virtual, bench, tables):
    """It goes on for a while, then lets nothing leave, and goes on when the journal is back."""

    async def scenario():
        agency = Agency()
        journal = tables()
        async with team(bench, journal, agency, 2, concurrency=4, timeout=3.0) as (cut, living):
            for worker in (cut, living):
                for _ in range(1500):
                    worker.ask()
            await asyncio.sleep(1)
            journal.cut.add(cut.name)
            begin = cut.test.time()
            await asyncio.sleep(30)
            assert begin + LEASE - 3 < max(agency.by[cut.name]) < begin + LEASE
            assert agency.flying == 4
            journal.cut.clear()
            await asyncio.sleep(2)
            assert max(agency.by[cut.name]) > cut.test.time() - 0.2
            assert agency.peak == 4

    virtual(scenario)
