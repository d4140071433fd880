"""Guards of several workers on one journal, in virtual time; the journal is slow, loses replies and goes away.

The fixtures `bench` and `virtual` of the guards' tests belong to it.
"""

import asyncio
import math
import random
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

import appealbus.core.journal.journal  # noqa: F401 - brings the tables of all subjects
from appealbus.core import CallFailed, OutcomeKind, Reply
from appealbus.core.errors import JournalError
from appealbus.core.guards.limits import Limits
from appealbus.core.journal import limits
from appealbus.core.journal.tables import metadata

DOWN = CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "down")


class Tables:
    """The journal's own code for limits, on a database in memory whose clock is the loop's."""

    def __init__(self, monkeypatch, start, *, seed=0):
        self.random = random.Random(seed)
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self.engine)
        self.slow = 0.002
        self.away = False
        self.cut = set()
        self.loses = 0.0
        self.exchanges = 0
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(limits, "lock", lambda connection: start + timedelta(seconds=loop.time()))

    async def share_limits(self, worker, reports):
        self.exchanges += 1
        return (await self._do(worker, limits.share, limits.Reports(worker, reports)))[0]

    async def leave_limits(self, worker):
        await self._do(worker, limits.leave, limits.Leave(worker))

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
            return answer()

        return call

    def within(self, rate, burst):
        """Check every window between two calls: its calls are no more than the burst and what the rate brings in it."""
        least = math.inf
        for number, at in enumerate(sorted(self.left_at)):
            least = min(least, number - rate * at)
            assert number - rate * at - least + 1 <= burst + 1e-6


def answer():
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
