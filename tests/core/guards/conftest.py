"""A loop whose time passes by itself, a wire that follows a script, and a journal in memory."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from appealbus.core import Call, Health, Lookup, Outcome, Query, Reply, Request, Source, Wire, found, not_found
from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.pauses import QuotaAnswer, QuotaCall, QuotaWish
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.limits import Limits
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.schemas import Record
from tests.core.team import Tables

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class _Jumping(selectors.DefaultSelector):
    """Does not sleep: moves the clock to the next timer. Waiting for nothing at all is an error."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("everything waits and nothing will ever happen")
            self.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


@pytest.fixture(scope="session")
def virtual() -> Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]:
    """Run a coroutine in virtual time: hours pass in no time, in the same order every run."""

    def run(scenario: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(scenario())

    return run


class Thing(Record):
    type: Literal["guards.Thing"] = "guards.Thing"
    value: str = ""


class ThingQuery(Query):
    iin: str


Step = Callable[[Request, Call], Awaitable[Reply]]


@dataclass
class Scripted(Wire):
    """Takes the next step of the script for each call; the last one repeats. Insists on the access row."""

    journal: "Access"
    script: list[object] = field(default_factory=lambda: [0.0])
    calls: list[Call] = field(default_factory=list)
    left_at: list[float] = field(default_factory=list)
    unlogged: list[str] = field(default_factory=list)
    flying: int = 0
    peak: int = 0

    async def call(self, request: Request, call: Call) -> Reply:
        """Do what the step says: sleep so many seconds and reply, raise, or return."""
        if call.question_id not in self.journal.durable:
            self.unlogged.append(call.question_id)
        step = self.script[min(len(self.calls), len(self.script) - 1)]
        self.calls.append(call)
        self.left_at.append(asyncio.get_running_loop().time())
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        try:
            if isinstance(step, float | int):
                await asyncio.sleep(step)
            elif isinstance(step, BaseException):
                raise step
            elif callable(step):
                return await step(request, call)
        finally:
            self.flying -= 1
        return Reply({"n": len(self.calls)}, "ab" * 32, START, message_id="m-1", session_id="s-1")

    async def health(self) -> Health:
        return Health(ok=True, detail="")


@dataclass
class Access:
    """Access rows, and which of them are durable. Writing takes `delay` seconds."""

    rows: list[AccessRow] = field(default_factory=list)
    durable: dict[str, AccessRow] = field(default_factory=dict)
    delay: float = 0.0
    error: BaseException | None = None

    async def __call__(self, rows: Sequence[AccessRow]) -> None:
        self.rows.extend(rows)
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        self.durable.update((row.question_id, row) for row in rows)


class ThingLookup(Lookup[ThingQuery, Thing]):
    """Asks the wire once; `read` makes the outcome of the reply."""

    name = "test.thing"
    purpose = "to test"

    def __init__(self, read: Callable[[Reply], Any] | None = None) -> None:
        self.read = read or (lambda reply: found(Thing()))

    async def ask(self, query: ThingQuery, source: Source) -> Outcome[Thing]:
        return self.read(await source.call(Request({})))


class OnceOnly(ThingLookup):
    """Not idempotent."""

    name = "test.once"
    idempotent = False


@dataclass
class Book:
    """Counts calls as the script says, and notes what is given back."""

    take: Callable[[QuotaWish], Awaitable[QuotaAnswer]]
    back: list[QuotaCall] = field(default_factory=list)

    async def take_quota(self, wish: QuotaWish) -> QuotaAnswer:
        return await self.take(wish)

    async def return_quota(self, call: QuotaCall) -> None:
        self.back.append(call)


class Bench:
    """A guard with all that is around it."""

    def __init__(
        self,
        script: Sequence[object] = (0.0,),
        access: Access | None = None,
        limits: Limits | None = None,
        quota: Callable[[QuotaWish], Awaitable[QuotaAnswer]] | None = None,
        **settings: Any,
    ) -> None:
        self.access = access or Access()
        self.wire = Scripted(self.access, list(script))
        self.changes: list[tuple[str, str]] = []
        self.lookup: Lookup[Any, Any] = ThingLookup()
        services = GuardServices(
            self.access,
            lambda source, state: self.changes.append((source, state)),
            limits=limits,
            quota=None if quota is None else Book(quota),
            now=lambda: START + timedelta(seconds=self.time() - 1000),
        )
        self.guard = Guard(Bound("test", "scripted", self.wire, GuardSettings(**settings)), services)

    @staticmethod
    def time() -> float:
        return asyncio.get_running_loop().time()

    def question(self, key: str = "1", budget: float = 60.0, number: str = "N-1", **other: Any) -> Question:
        fields: dict[str, Any] = {
            "lookup": self.lookup,
            "query": ThingQuery(iin=key),
            "key": key,
            "inputs": (),
            "number": number,
            "actor": "officer",
            "deadline": self.time() + budget,
            "plugin": "test-plugin",
            "plugin_version": "1.2",
            "legal_basis": "the law",
        }
        return Question(**(fields | other))

    async def ask(self, key: str = "1", budget: float = 60.0, **other: Any) -> Ended:
        return await self.guard.ask(self.question(key, budget, **other))

    def start(self, key: str = "1", budget: float = 60.0, **other: Any) -> "asyncio.Task[Ended]":
        return asyncio.create_task(self.guard.ask(self.question(key, budget, **other)))

    def idle(self) -> bool:
        """Say whether nothing of any question is left inside the guard."""
        context = self.guard.context
        return (
            not len(context.flights)
            and not context.flights.open
            and context.in_flight == 0
            and context.slots.in_use == len(context.slots) == 0
            and (context.bucket is None or not len(context.bucket))
        )


@pytest.fixture(scope="session")
def bench() -> type[Bench]:
    """Return the class that makes a guard with a scripted wire and a journal in memory."""
    return Bench


@pytest.fixture(scope="session")
def kit() -> Any:
    """Return the parts that tests put together in their own way."""

    class Kit:
        access = Access
        lookup = ThingLookup
        once = OnceOnly
        thing = Thing
        query = ThingQuery
        start = START
        nothing = staticmethod(not_found)

    return Kit


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Tables]]:
    """Return what makes a journal of limits, within a running loop."""
    made: list[Tables] = []

    def make(**given: Any) -> Tables:
        made.append(Tables(monkeypatch, START, **given))
        return made[-1]

    yield make
    for each in made:
        each.engine.dispose()
