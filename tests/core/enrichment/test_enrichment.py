"""Running a plan: what is asked, what is left alone, and that a crash at any point costs no answer."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.core import From, Outcome, OutcomeKind, found
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.enrichment.plan_run import Enrichment, PlanRun
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.planning.plan import Plan
from appealbus.schemas import Receipt
from tests.core.kit import ScriptedWire, Thing, appeal, lookup, node

RETRY = RetrySettings(first=60, max=60)


RUNS = 10  # enough for five lookups in a row that fail once each


class Crash(Exception):
    """The process dies here."""


@dataclass
class World:
    """Random lookups whose answers are fixed beforehand, and what has been asked."""

    edges: list[list[int]]
    answers: list[list[str]]
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: dict[tuple[str, str], LookupState] = field(default_factory=dict)
    keeps: int = 0
    crash_at: int | None = None

    @cached_property
    def plan(self) -> Plan:
        return Plan([node(self._lookup(i)) for i in range(len(self.edges))])

    def _lookup(self, i: int) -> Any:
        async def ask(query: Any, source: Any) -> Outcome[Any]:
            key = (f"s.l{i}", repr(query))
            run = self.asked[key]
            self.asked[key] += 1
            await asyncio.sleep(0)
            kind = self.answers[i][min(run, len(self.answers[i]) - 1)]
            if kind == "found":
                return found(Thing(name=f"l{i}", next=[f"l{i}-1", f"l{i}-2"]))
            return Outcome(OutcomeKind(kind), code="test.said", reason="as the test said")

        fields: dict[str, Any] = {f"x{j}": From(f"s.l{j}/name") for j in self.edges[i][:-1]}
        if self.edges[i]:
            fields["fan"] = From(f"s.l{self.edges[i][-1]}/next[*]")
        else:
            fields["fan"] = From("repeats[*]")
        return lookup(f"s.l{i}", ask, **fields)

    async def keep(self, case: Case, state: LookupState, answered: str | None, replies: object) -> None:
        if self.keeps == self.crash_at:
            raise Crash
        self.keeps += 1
        self.kept[(state.lookup, state.key)] = state

    async def run(self, *, later: bool = True) -> dict[tuple[str, str], LookupState]:
        async def access(rows: Any) -> None:
            pass

        bound = Bound("s", "scripted", ScriptedWire(), GuardSettings(attempts=1, breaker_failures=10**6))
        guard = Guard(bound, GuardServices(access, lambda *_: None))
        engine = Enrichment(
            {"s": guard},
            RETRY,
            actor="test",
            fan_out=50,
            now=lambda: datetime.now(UTC) + timedelta(hours=later),
            keep=self.keep,
        )
        return await PlanRun(engine, self.plan, self.case(), asyncio.get_running_loop().time() + 30).run()

    def case(self) -> Case:
        written = appeal(repeats=["a", "b"])
        receipt = Receipt(number="AB-1", accepted_at=datetime.now(UTC), accepted_by="t", message_id="1", channel="t")
        return Case(1, written, receipt, 0, tuple(self.kept.values()))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a DAG of up to six lookups and how each ends, run by run."""
    size = draw(st.integers(1, 5))
    edges = [draw(st.lists(st.integers(0, i - 1), max_size=2, unique=True)) if i else [] for i in range(size)]
    failures = st.lists(st.sampled_from(["unavailable", "invalid", "timed_out"]), max_size=1)
    last = st.sampled_from(["found", "found", "found", "not_found", "refused", "unavailable"])
    answers = [[*draw(failures), draw(last)] for _ in range(size)]
    return World(edges, answers)


def told(states: dict[tuple[str, str], LookupState]) -> dict[tuple[str, str], str]:
    return {key: state.kind.value for key, state in states.items()}


def test_a_crash_at_any_point_costs_no_answer() -> None:
    """Whatever was kept in a final outcome is never asked again, and the end is that of a calm run."""

    @given(worlds(), st.integers(0, 25))
    def check(world: World, crash_at: int) -> None:
        asyncio.run(scenario(world, crash_at))

    check()


async def scenario(world: World, crash_at: int) -> None:
    calm = World(world.edges, world.answers)
    for _ in range(RUNS):
        expected = await calm.run()
    crashed = World(world.edges, world.answers, crash_at=crash_at)
    with contextlib.suppress(Crash):
        await crashed.run()
    crashed.crash_at = None
    done = {key: state for key, state in crashed.kept.items() if state.kind.final}
    for _ in range(RUNS):
        states = await crashed.run()
    assert told(states) == told(expected)
    assert all(crashed.kept[key] is state for key, state in done.items())


@pytest.fixture
def chain() -> World:
    """Three lookups in a row, the first of which is unavailable at first."""
    return World([[], [0], [1]], [["unavailable", "found"], ["found"], ["found"]])


async def test_what_waits_for_a_failed_lookup_is_skipped_and_asked_once_it_is_found(chain: World) -> None:
    """A resumed run asks the failed lookup and everything downstream of what newly ended."""
    first = told(await chain.run())
    assert {name: kind for (name, _), kind in first.items()} == {
        "s.l0": "unavailable",
        "s.l1": "skipped",
        "s.l2": "skipped",
    }
    second = await chain.run()
    assert set(told(second).values()) == {"found"}
    assert Counter(name for name, _ in second) == {"s.l0": 2, "s.l1": 2, "s.l2": 2}


async def test_a_second_run_over_a_finished_case_asks_nothing(chain: World) -> None:
    """What has ended for good stays as it is."""
    await chain.run()
    await chain.run()
    asked = Counter(chain.asked)
    await chain.run()
    assert chain.asked == asked


async def test_what_is_not_due_yet_is_left_alone(chain: World) -> None:
    """A parked lookup keeps its outcome until its next attempt's time."""
    chain.answers[0] = ["unavailable"]
    await chain.run()
    asked = Counter(chain.asked)
    states = await chain.run(later=False)
    assert chain.asked == asked
    assert [s.kind.value for (name, _), s in states.items() if name == "s.l0"] == ["unavailable", "unavailable"]


async def test_three_lookups_about_each_element_lead_to_one_question_each() -> None:
    """Fifty elements are fifty questions of the fourth lookup, each with the three records of its element."""
    asked: list[tuple[str, str, str]] = []

    async def by_element(query: Any, source: Any) -> Outcome[Any]:
        return found(Thing(name=query.x))

    async def by_records(query: Any, source: Any) -> Outcome[Any]:
        asked.append((query.a, query.b, query.c))
        return found(Thing(name="last"))

    world = World([], [])
    nodes = [node(lookup(f"s.{name}", by_element, x=From("repeats[*]"))) for name in "abc"]
    last = lookup("s.last", by_records, **{name: From(f"s.{name}/name") for name in "abc"})
    world.__dict__["plan"] = Plan([*nodes, node(last)])
    elements = [f"e{number}" for number in range(50)]
    world.case = lambda: replace(World.case(world), appeal=appeal(repeats=elements))  # type: ignore[method-assign]
    states = await world.run()
    assert sorted(asked) == sorted((each, each, each) for each in elements)
    assert {state.kind for state in states.values()} == {OutcomeKind.FOUND}


async def test_a_record_once_told_stays() -> None:
    """Asked again and not found, a question keeps its record."""
    world = World([[]], [["found", "unavailable"]])
    await world.run()
    now = datetime.now(UTC) - timedelta(hours=1)
    world.kept = {key: replace(state, next_attempt_at=now) for key, state in world.kept.items()}
    states = await world.run()
    assert sum(world.asked.values()) == 4
    assert all(state.record is not None for state in states.values())
    assert [state.code for (name, _), state in states.items()] == ["refresh.failed", "refresh.failed"]
