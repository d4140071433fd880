"""One breaker for several workers. In virtual time."""

import asyncio

import pytest

from appealbus.core import CallFailed, OutcomeKind
from appealbus.core.guards.worker_share import LEASE
from tests.core.team import DOWN, Agency, answer, team


def test_failures_are_counted_over_all_workers(virtual, bench, tables):
    """So many failures in a row open all breakers, no matter where they happened; nothing leaves after that."""

    async def scenario():
        agency = Agency()
        journal = tables()
        async with team(bench, journal, agency, 3, concurrency=6, breaker_failures=9, breaker_open=30.0) as workers:
            calls = [0]

            async def fail(request, call):
                calls[0] += 1
                await asyncio.sleep(0.01)
                raise DOWN

            for worker in workers:
                worker.test.wire.script = [fail]
            ended = await asyncio.gather(*[worker.ask() for worker in workers for _ in range(50)])
            assert 9 <= calls[0] <= 9 + 6
            assert sum(each.outcome.code == "breaker.open" for each in ended) == 150 - calls[0]
            await asyncio.sleep(1.5)
            for worker in workers:
                assert worker.test.guard.state().breaker == "open"
                assert worker.test.changes == [("test", "open")]

    virtual(scenario)


def test_an_answer_anywhere_breaks_the_row(virtual, bench, tables):
    """One worker's answers count against another's failures."""

    async def scenario():
        agency = Agency()
        async with team(bench, tables(), agency, 2, concurrency=6, breaker_failures=5) as (bad, good):
            bad.test.wire.script = [DOWN]
            for _ in range(8):
                for _ in range(4):
                    await bad.ask()
                await good.ask()
                await asyncio.sleep(0.3)
            assert bad.test.changes == good.test.changes == []

    virtual(scenario)


@pytest.mark.proof
def test_all_workers_leave_a_source_alone_for_as_long_as_it_says(virtual, bench, tables):
    """Trouble that somebody has to mend, such as a certificate, costs a call now and then, however many ask."""

    async def scenario():
        agency, calls = Agency(), [0]

        async def refuse(request, call):
            calls[0] += 1
            raise CallFailed(OutcomeKind.UNAVAILABLE, "shep.signature.SCE005", "mend it", retry_after=300.0)

        async with team(bench, tables(), agency, 2, concurrency=6, breaker_failures=3) as workers:
            for worker in workers:
                worker.test.wire.script = [refuse]
            await asyncio.gather(*[worker.ask() for worker in workers for _ in range(50)])
            first = calls[0]
            assert first <= 3 + 6
            for _ in range(9):
                await asyncio.sleep(100)
                await asyncio.gather(*[worker.ask() for worker in workers for _ in range(50)])
            assert calls[0] - first <= 3

    virtual(scenario)


def test_one_probe_in_all_workers(virtual, bench, tables):
    """Half open, one question of all workers passes; its failure keeps all shut, its success opens all."""

    async def scenario():
        agency = Agency()
        calls = [0]
        broken = [True]

        async def step(request, call):
            calls[0] += 1
            await asyncio.sleep(0.5)
            if broken[0]:
                raise DOWN
            return answer()

        given = {"concurrency": 30, "breaker_failures": 3, "breaker_open": 10.0}
        async with team(bench, tables(), agency, 3, **given) as workers:
            for worker in workers:
                worker.test.wire.script = [step]
            await asyncio.gather(*[worker.ask() for worker in workers for _ in range(2)])
            assert calls[0] == 6
            for _ in range(3):
                await asyncio.sleep(11)
                calls[0] = 0
                await asyncio.gather(*[worker.ask() for worker in workers for _ in range(20)])
                assert calls[0] == 1
            broken[0] = False
            await asyncio.sleep(11)
            calls[0] = 0
            await asyncio.gather(*[worker.ask() for worker in workers for _ in range(20)])
            assert calls[0] == 1
            await asyncio.sleep(1.5)
            await asyncio.gather(*[worker.ask() for worker in workers for _ in range(5)])
            assert calls[0] == 16
            for worker in workers:
                assert worker.test.changes[-1] == ("test", "closed")
                assert worker.test.guard.state().breaker == "closed"

    virtual(scenario)


def test_a_probe_that_comes_to_nothing_leaves_the_place_to_others(virtual, bench, tables):
    """An asker who goes away, before or in the probe, does not keep the source shut; neither does a dead worker."""

    async def scenario():
        agency = Agency()
        calls = []

        def step(name):
            async def ask(request, call):
                calls.append(name)
                await asyncio.sleep(2.0)
                return answer()

            return ask

        given = {"concurrency": 30, "breaker_failures": 1, "breaker_open": 5.0, "timeout": 3.0}
        async with team(bench, tables(), agency, 2, **given) as (one, two):
            one.test.wire.script = [DOWN]
            await one.ask()
            await asyncio.sleep(6)
            one.test.wire.script, two.test.wire.script = [step("one")], [step("two")]
            before = one.ask()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            before.cancel()
            await asyncio.sleep(1.5)
            during = one.ask()
            await asyncio.sleep(0.5)
            assert calls[-1:] == ["one"]
            assert (await two.ask()).outcome.code == "breaker.open"
            during.cancel()
            await asyncio.sleep(1.5)
            dying = one.ask()
            await asyncio.sleep(0.5)
            assert calls[-1:] == ["one"]
            one.task.cancel()
            dying.cancel()
            await asyncio.sleep(1.5)
            assert (await two.ask()).outcome.code == "breaker.open"
            await asyncio.sleep(LEASE + 5)
            assert (await two.ask()).outcome.kind is OutcomeKind.FOUND
            assert two.test.guard.state().breaker == "closed"

    virtual(scenario)
