"""Several workers together keep to a source's concurrency and rate, and share them. In virtual time."""

import asyncio

import pytest

from tests.core.team import Agency, team


def test_who_is_alone_does_not_notice(virtual, bench, tables):
    """One worker has the whole limit from the start: nothing waits for the journal, and it is hardly asked."""

    async def scenario():
        agency = Agency()
        journal = tables()
        async with team(bench, journal, agency, 1, concurrency=5, rate=50.0, burst=5) as (one,):
            begin = one.test.time()
            await asyncio.gather(*[one.ask() for _ in range(5)])
            assert agency.left_at == [begin] * 5
            await asyncio.gather(*[one.ask() for _ in range(500)])
            assert one.test.time() - begin == pytest.approx(10.1, abs=0.2)
            assert agency.peak == 5
            assert journal.exchanges < 60
        agency.within(50.0, 5)

    virtual(scenario)


def test_all_workers_together_keep_to_the_concurrency(virtual, bench, tables):
    """Three crowds at once never have more than five calls there, and share them."""

    async def scenario():
        agency = Agency()
        async with team(bench, tables(), agency, 3, concurrency=5) as workers:
            begin = workers[0].test.time()
            await asyncio.gather(*[worker.ask() for worker in workers for _ in range(200)])
            seconds = workers[0].test.time() - begin
        assert agency.peak == 5
        assert seconds < 600 * 0.1 / 5 * 1.15
        fair = [sum(at < begin + 6 for at in times) for times in agency.by.values()]
        assert min(fair) > 45

    virtual(scenario)


def test_the_idle_leave_theirs_to_the_busy(virtual, bench, tables):
    """What others do not use is the busy one's within a moment, and comes back when they need it."""

    async def scenario():
        agency = Agency()
        async with team(bench, tables(), agency, 3, concurrency=6) as (busy, *others):
            for _ in range(1000):
                busy.ask()
            await asyncio.sleep(2)
            assert agency.flying == 6
            begin = busy.test.time()
            await asyncio.gather(*[worker.ask() for worker in others])
            assert busy.test.time() - begin < 1.0
            assert agency.peak == 6

    virtual(scenario)


@pytest.mark.proof
@pytest.mark.parametrize("limit", [1, 2])
def test_workers_take_turns_where_there_is_less_than_one_for_each(virtual, bench, tables, limit):
    """An agency that takes one call at a time serves three workers alike, and hardly waits for them."""

    async def scenario():
        agency = Agency()
        async with team(bench, tables(), agency, 3, concurrency=limit) as workers:
            for worker in workers:
                for _ in range(1000):
                    worker.ask()
            await asyncio.sleep(30)
        assert agency.peak == limit
        calls = [len(times) for times in agency.by.values()]
        assert min(calls) > 0.25 * sum(calls)
        assert sum(calls) > 0.75 * 300 * limit

    virtual(scenario)


@pytest.mark.proof
@pytest.mark.parametrize(("rate", "burst"), [(20.0, 10), (20.0, 1), (0.5, 1), (200.0, 4), (3.0, 2)])
def test_all_workers_together_keep_to_the_rate(virtual, bench, tables, rate, burst):
    """No window has more calls than rate and burst allow, few fewer, and nobody goes away empty."""

    async def scenario():
        agency = Agency()
        seconds = max(10.0, 30 / rate)
        async with team(
            bench, tables(seed=3), agency, 3, concurrency=50, rate=rate, burst=burst, timeout=900
        ) as workers:
            begin = workers[0].test.time()
            for worker in workers:
                for _ in range(int(1.1 * rate * seconds)):
                    worker.ask(2000)
            await asyncio.sleep(seconds)
        agency.within(rate, burst)
        left = [at for at in agency.left_at if at <= begin + seconds]
        assert len(left) > 0.7 * rate * seconds
        assert min(len(times) for times in agency.by.values()) > 0.2 * len(left)

    virtual(scenario)
