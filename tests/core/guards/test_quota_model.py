"""A model of days: whatever befalls workers and sources, what left is what was counted, and no call lies idle."""

import asyncio
import heapq
import math
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from appealbus.core import CallFailed, OutcomeKind, Reply
from appealbus.core.clocks import day_of
from appealbus.core.domain.pauses import Pause, Period, QuotaUse, QuotaWish
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.journal import pauses
from tests.core.guards.conftest import Access, Question, Scripted, ThingLookup, ThingQuery
from tests.services.forms import seeds

EVENINGS = ["2026-11-24", "2026-11-29", "2026-12-31", "2028-02-28", "2028-02-29"]
"""Before an ordinary midnight, a month's and a year's end, and around a leap day; with the month counted, too."""
PLACES = 200
_LEASE = 30.0
_LOOKS = 60.0
"""Seconds of the model between a worker's looks at the journal, which in life are one."""
_SAMPLE = 120.0
_IDLE_FOR = 5
"""Samples in a row in which a call is there for somebody who waits."""


@dataclass
class Case:
    """One appeal that wants one answer."""

    name: str
    due_on: date
    ready_at: float = 0.0
    first: bool = True
    done: bool = False
    running: bool = False
    waits_for: set[str] = field(default_factory=set)


class Worker:
    """One process: a guard of its own over what all share."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name, self.dead = world, name, False
        self.taken = self.back = 0
        self.writer = asyncio.Lock()  # of the journal: what came first is written first
        self.wire = Scripted(Access(delay=0.05), [world.answer])
        self.tasks: set[asyncio.Task[None]] = set()
        services = GuardServices(
            self.wire.journal, lambda *_: None, quota=self, first_share=world.first_share, now=world.now, due=world.now
        )
        self.guard = Guard(Bound("s", "scripted", self.wire, world.settings), services)

    async def take_quota(self, wish):
        async with self.writer:
            await asyncio.sleep(self.world.random.uniform(0.01, 0.2))
            await self._if_alive()
            answer = pauses._take(self.world.uses, wish)
            self.taken += answer.again_at is None
        await asyncio.sleep(self.world.random.uniform(0.01, 0.2))
        await self._if_alive()
        return answer

    async def return_quota(self, call):
        await asyncio.sleep(0.05)
        await self._if_alive()
        self.back += 1
        for period, begins in call.counted.items():
            use = self.world.uses[call.source, period]
            if use.begins == begins:
                self.world.uses[call.source, period] = QuotaUse(use.source, use.period, begins, use.used - 1)

    async def _if_alive(self):
        if self.dead:
            await asyncio.get_running_loop().create_future()


class World:
    """Days of a source with a quota, its workers and the appeals that wait for it."""

    def __init__(self, seed: int, *, calm: bool) -> None:
        self.random = random.Random(seed)
        choose = self.random.choice
        self.calm = calm
        self.per_day = choose([1, 4, 7, 12])
        self.days = 4 if calm else 3
        self.first_share = 0.0 if calm else choose([0.0, 0.25])
        reserve, closed = choose([0.0, 0.3]), choose([(), ("daily 02:00-05:00",)])
        more = {} if calm else {"quota_reserve": reserve, "urgent_days": 30, "closed": closed}
        self.settings = GuardSettings(
            quota_day=self.per_day, quota_month=choose([None, self.per_day * 3 + 1]) if not calm else None,
            concurrency=choose([1, 3, 10]), attempts=1 if calm else choose([1, 2]), breaker_failures=3, **more,
        )  # fmt: skip
        self.evening = datetime.fromisoformat(f"{choose(EVENINGS)}T{choose(['00:10', '12:00', '23:50'])}:00+05:00")
        self.began = asyncio.get_running_loop().time()
        self.uses: pauses.Uses = {}
        self.left: list[datetime] = []
        self.asked: list[str] = []
        self.sick_until = 0.0
        count = self.per_day * (self.days - 1) + self.random.randint(0, self.per_day) if calm else self.per_day * 3
        today = day_of(self.evening)
        self.cases = [Case(f"{n}", today + timedelta(days=10 + self.random.randrange(90))) for n in range(count)]
        self.workers = [Worker(self, f"w{n}") for n in range(choose([1, 2, 3]))]
        self.gone: list[Worker] = []
        self.idle = 0
        self.tokens_lie_idle: list[str] = []

    def now(self) -> datetime:
        return self.evening + timedelta(seconds=self.time())

    def time(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    async def answer(self, request, call):
        self.left.append(self.now())
        await asyncio.sleep(self.random.uniform(0.1, 2.0))
        if self.time() < self.sick_until or (not self.calm and self.random.random() < 0.1):
            raise CallFailed(OutcomeKind.UNAVAILABLE, "down", "it is down")
        return Reply({}, "0" * 64, self.now())

    async def work(self, worker: Worker, case: Case) -> None:
        """Have a worker ask for a case, and park it as the bus does."""
        question = Question(
            lookup=ThingLookup(), query=ThingQuery(iin=case.name), key=case.name, inputs=(), number=case.name,
            actor="officer", deadline=asyncio.get_running_loop().time() + 30, plugin="p", plugin_version="1",
            legal_basis="law", due_on=case.due_on, first=case.first,
        )  # fmt: skip
        try:
            ended = await worker.guard.ask(question)
        except asyncio.CancelledError:
            case.ready_at = self.time() + _LEASE
            raise
        finally:
            case.running = False
        outcome, case.first = ended.outcome, False
        case.done = outcome.kind is OutcomeKind.FOUND
        if ended.attempts:
            self.asked.append(case.name)
        wait = 60.0 if outcome.retry_after is None else outcome.retry_after
        if outcome.not_before is not None:
            wait = (outcome.not_before - self.now()).total_seconds()
        case.ready_at = self.time() + max(0.0, wait)

    async def dispatch(self) -> None:
        """Give what is ready to workers, most urgent first, as there are places."""
        while True:
            ready = [(each.due_on, int(each.name), each) for each in self.cases if self._is_ready(each)]
            heapq.heapify(ready)
            for worker in self.random.sample(self.workers, len(self.workers)):
                while ready and len(worker.tasks) < PLACES:
                    case = heapq.heappop(ready)[2]
                    case.running = True
                    task = asyncio.create_task(self.work(worker, case))
                    worker.tasks.add(task)
                    task.add_done_callback(worker.tasks.discard)
            await asyncio.sleep(1.0 if ready or any(each.running for each in self.cases) else 30.0)

    def _is_ready(self, case: Case) -> bool:
        return not case.done and not case.running and self.time() >= case.ready_at

    async def look(self) -> None:
        """Have workers hear what the journal says, and take in what waits where calls have come back."""
        while True:
            await asyncio.sleep(_LOOKS)
            for worker in self.workers:
                if worker.guard.gate.learn(worker.guard.gate.pause, list(self.uses.values()), math.inf):
                    for case in self.cases:
                        case.ready_at = min(case.ready_at, self.time())

    async def disturb(self) -> None:
        """Pause, kill, and have the source fail for a while."""
        while True:
            await asyncio.sleep(self.random.expovariate(1 / 7000))
            match self.random.choice(["pause", "kill", "sick", "pause in a burst"]):
                case "kill":
                    worker = self.workers.pop(self.random.randrange(len(self.workers)))
                    worker.dead = True
                    self.gone.append(worker)
                    for task in tuple(worker.tasks):
                        task.cancel()
                    self.workers.append(Worker(self, f"w{len(self.gone)}."))
                case "sick":
                    self.sick_until = self.time() + self.random.uniform(10, 4000)
                case how:
                    if how == "pause in a burst":  # as calls are on their way
                        for each in self.cases:
                            each.ready_at = min(each.ready_at, self.time())
                        await asyncio.sleep(self.random.uniform(0.0, 3.0))
                    now = self.now()
                    order = Pause("s", now, now + timedelta(seconds=self.random.uniform(5, 3000)), "test", "olga")
                    for worker in self.workers:
                        worker.guard.gate.pause = order
                        await asyncio.sleep(self.random.uniform(0, 0.2))

    async def watch(self) -> None:
        """Note calls that lie idle while somebody waits who may have them."""
        while True:
            await asyncio.sleep(_SAMPLE)
            quota = self.workers[0].guard.gate._quota
            uses = [period.use("s", self.uses.get(("s", period.value)), self.now()) for period in quota.most]
            guards = [worker.guard for worker in self.workers]
            open_ = all(each.gate.stopped() is None and each.state().breaker == "closed" for each in guards)
            waiting = [
                case for case in self.cases
                if not case.done and not any(
                    quota.refusal(Period(use.period), use, self.wish(quota, case)) for use in uses
                )
            ]  # fmt: skip
            self.idle = self.idle + 1 if open_ and waiting else 0
            if self.idle > _IDLE_FOR:
                self.tokens_lie_idle.append(f"{self.now()}: {[case.name for case in waiting]} {uses}")

    def wish(self, quota, case: Case) -> QuotaWish:
        return QuotaWish("s", quota, self.workers[0].guard.gate._is_urgent(case.due_on), self.now(), case.first)

    async def live(self) -> None:
        chores = [self.dispatch(), self.look(), self.watch(), *([] if self.calm else [self.disturb()])]
        tasks = [asyncio.create_task(each) for each in chores]
        await asyncio.sleep(self.days * 86400)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for worker in self.workers:
            await worker.guard.drain(60)


@pytest.mark.proof
@pytest.mark.parametrize("calm", [True, False])
@pytest.mark.parametrize("seed", seeds(2, 12))
def test_what_left_was_counted_and_nothing_lies_idle(virtual, seed, calm):
    """Never more than the quota; given back what did not leave; a backlog drains in as many days as it must."""

    async def scenario():
        world = World(seed, calm=calm)
        await world.live()
        for worker in world.workers:
            assert worker.taken - worker.back == len(worker.wire.calls), worker.name
        for worker in world.gone:
            assert worker.taken - worker.back >= len(worker.wire.calls), worker.name
        for period, most in world.workers[0].guard.gate._quota.most.items():
            by_period = [period.begins(moment) for moment in world.left]
            assert all(by_period.count(begins) <= most for begins in set(by_period))
        assert world.tokens_lie_idle == []
        if calm:
            days = sorted({Period.DAY.begins(moment) for moment in world.left})
            assert len(world.left) == len(world.cases)
            assert len(days) == math.ceil(len(world.cases) / world.per_day)
            assert (days[-1] - days[0]).days == len(days) - 1
            by_urgency = sorted(world.cases, key=lambda case: (case.due_on, int(case.name)))
            of_day = [world.asked[at : at + world.per_day] for at in range(0, len(world.asked), world.per_day)]
            wanted = [by_urgency[at : at + world.per_day] for at in range(0, len(by_urgency), world.per_day)]
            assert [set(day) for day in of_day] == [{case.name for case in day} for day in wanted]

    virtual(scenario)
