"""Guards of several workers on one journal, in virtual time; the journal is slow, loses replies and goes away."""

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from appealbus.core import CallFailed, OutcomeKind
from appealbus.core.errors import JournalError
from appealbus.core.guards.limits import Limits
from appealbus.core.guards.shared import LEASE
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import limiting

DOWN = CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "down")


_engines = []


@pytest.fixture(autouse=True)
def _closed():
    """Close what the tables were in."""
    yield
    while _engines:
        _engines.pop().dispose()


class Tables:
    """The journal's own code for limits, on a database in memory whose clock is the loop's."""

    def __init__(self, monkeypatch, start, *, seed=0):
        self.random = random.Random(seed)
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        _engines.append(self.engine)
        metadata.create_all(self.engine)
        self.slow = 0.002
        self.away = False
        self.cut = set()
        self.loses = 0.0
        self.exchanges = 0
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(limiting, "_lock", lambda connection: start + timedelta(seconds=loop.time()))

    async def share_limits(self, worker, reports):
        self.exchanges += 1
        return (await self._do(worker, limiting.share, limiting.Reports(worker, reports)))[0]

    async def leave_limits(self, worker):
        await self._do(worker, limiting.leave, limiting.Leave(worker))

    async def _do(self, worker, run, item):
        await asyncio.sleep(self.random.uniform(0, self.slow))
        if self.away or worker in self.cut:
            raise JournalError("away", "unreachable")
        with self.engine.begin() as connection:
            done = run(connection, [item])
        await asyncio.sleep(self.random.uniform(0, self.slow))
        if self.random.random() < self.loses or worker in self.cut:
            raise JournalError("the reply is lost", "unreachable")
        return done


class Agency:
    """Counts the calls of all workers: how many are there at once, and when each one left."""

    def __init__(self):
        self.flying = 0
        self.peak = 0
        self.left_at = []
        self.by = {}

    def step(self, worker, seconds):
        async def call(request, call):
            self.flying += 1
            self.peak = max(self.peak, self.flying)
            self.left_at.append(asyncio.get_running_loop().time())
            self.by.setdefault(worker, []).append(self.left_at[-1])
            try:
                await asyncio.sleep(seconds() if callable(seconds) else seconds)
            finally:
                self.flying -= 1
            return await_reply()

        return call

    def within(self, rate, burst):
        """Check every window between two calls."""
        left = sorted(self.left_at)
        for first, start in enumerate(left):
            for last in range(first, len(left)):
                assert last - first + 1 <= burst + rate * (left[last] - start) + 1e-6


def await_reply():
    from datetime import UTC, datetime

    from appealbus.core import Reply

    return Reply({}, "ab" * 32, datetime(2026, 11, 24, tzinfo=UTC))


class Worker:
    """A guard and its limits, as one process has them."""

    names = count(1)

    def __init__(self, bench, tables, agency, seconds=0.1, **settings):
        self.name = f"w{next(self.names)}"
        self.limits = Limits(tables, self.name)
        self.test = bench(attempts=1, limits=self.limits, **settings)
        self.test.wire.script = [agency.step(self.name, seconds)]
        self.asked = count()
        self.task = None
        self.crowd = set()

    async def start(self):
        await self.limits.start()
        self.task = asyncio.create_task(self.limits.run())

    def ask(self, budget=1000.0):
        task = self.test.start(f"{self.name}.{next(self.asked)}", budget)
        self.crowd.add(task)
        task.add_done_callback(self.crowd.discard)
        return task

    async def stop(self):
        for task in tuple(self.crowd):
            task.cancel()
        self.task.cancel()
        await asyncio.gather(self.task, *self.crowd, return_exceptions=True)


@asynccontextmanager
async def team(bench, tables, agency, size, **settings):
    workers = [Worker(bench, tables, agency, **settings) for _ in range(size)]
    try:
        for worker in workers:
            await worker.start()
        yield workers
    finally:
        tables.away = False
        for worker in workers:
            if worker.task:
                await worker.stop()


@pytest.fixture
def tables(monkeypatch, kit):
    """Return what makes a journal, within a running loop."""
    return lambda **given: Tables(monkeypatch, kit.start, **given)


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


@pytest.mark.parametrize(("rate", "burst"), [(20.0, 10), (20.0, 1), (0.5, 1), (200.0, 4), (3.0, 2)])
def test_all_workers_together_keep_to_the_rate(virtual, bench, tables, rate, burst):
    """No window has more calls than rate and burst allow, few fewer, and nobody goes away empty."""

    async def scenario():
        agency = Agency()
        seconds = max(20.0, 30 / rate)
        async with team(
            bench, tables(seed=3), agency, 3, concurrency=50, rate=rate, burst=burst, timeout=900
        ) as workers:
            begin = workers[0].test.time()
            for worker in workers:
                for _ in range(int(2 * rate * seconds)):
                    worker.ask(2000)
            await asyncio.sleep(seconds)
        agency.within(rate, burst)
        left = [at for at in agency.left_at if at <= begin + seconds]
        assert len(left) > 0.7 * rate * seconds
        assert min(len(times) for times in agency.by.values()) > 0.2 * len(left)

    virtual(scenario)


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


def test_a_worker_without_the_journal_stops_in_time(virtual, bench, tables):
    """It goes on for a while, then lets nothing leave, and goes on when the journal is back."""

    async def scenario():
        agency = Agency()
        journal = tables()
        async with team(bench, journal, agency, 2, concurrency=4, timeout=3.0) as (cut, living):
            for worker in (cut, living):
                for _ in range(4000):
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
            return await_reply()

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
                return await_reply()

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
