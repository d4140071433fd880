"""Slow, flapping and touchy sources under a whole bus."""

import asyncio
import shutil
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, From, Lookup, Outcome, OutcomeKind, Reply, Request, Source, Taken, found
from appealbus.core.journal import access
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.schemas import Completeness
from tests.core.kit import Receiver, ScriptedWire, Thing, dossier, lookup, message, reply, running_bus
from tests.services.processes import PATIENCE

BY_REPEATS = lookup("s.thing", x=From("repeats[*]"))


@pytest.mark.proof
async def test_an_inquiry_behind_a_crowd_at_a_slow_source_is_delivered_in_seconds(tmp_path: Path) -> None:
    """Complaints that cannot have their turn give up their places; none of them looks at anybody's data for nothing."""

    async def slow(request: Request, call: Call) -> Reply:
        if dict(request.body)["name"] == "slow.thing":  # type: ignore[call-overload]
            await asyncio.sleep(3600)
        return reply()

    Receiver.got.clear()
    wire = ScriptedWire(slow)
    slow_thing, quick_thing = lookup("slow.thing", x=From("repeats[*]")), lookup("quick.thing", x=From("repeats[*]"))
    tables = {
        "bus": {"journal": f"sqlite:///{tmp_path / 'journal.db'}", "grace": 0.1, "concurrency": 40},
        "sources": {
            "slow": {"connector": "scripted", "guard": {"attempts": 1, "concurrency": 4, "timeout": 600}},
            "quick": {"connector": "scripted"},
        },
        "completeness": {
            "complaint": {"required": ["slow.thing"], "wait": 20},
            "inquiry": {"required": ["quick.thing"], "wait": 20},
        },
        "deliveries": {"out": {"kind": "receiver"}},
    }
    async with running_bus(tmp_path, slow_thing, quick_thing, wire=wire, **tables) as bus:
        await asyncio.gather(
            *(bus.accept(message(f"m-{n}", repeats=[f"{n}"], due_on="2026-12-20")) for n in range(400))
        )
        taken = await bus.accept(message("urgent", repeats=["u"], kind="inquiry", due_on="2026-12-01"))
        assert isinstance(taken, Taken)
        async with asyncio.timeout(PATIENCE):
            while not any(out.number == taken.receipt.number for out in Receiver.got.get("out", ())):
                await asyncio.sleep(0.05)
        left = {call.question_id for _, call in wire.asked}
        assert {row.question_id for row in await bus.journal.ask(access.access_rows, limit=1000)} == left
        assert len(left) == 5


@pytest.mark.proof
async def test_an_agency_slower_than_the_first_delivery_waits_is_found_in_the_background(tmp_path: Path) -> None:
    """The first version is partial after `wait`; after it `guard.timeout` counts."""

    async def slow(request: Request, call: Call) -> Reply:
        await asyncio.sleep(0.8)
        return reply()

    tables: dict[str, Any] = {
        "completeness": {"default": {"wait": "300ms"}},
        "sources": {"s": {"connector": "scripted", "guard": {"attempts": 1, "timeout": 10, "breaker_failures": 1}}},
    }
    async with running_bus(tmp_path, BY_REPEATS, wire=ScriptedWire(slow), **tables) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await asyncio.wait_for(bus.settle(parked=True), PATIENCE)
        first, second = await dossier(bus, taken.receipt.number, 1), await dossier(bus, taken.receipt.number, 2)
    assert (first.completeness, first.gaps[0].outcome) == (Completeness.PARTIAL, OutcomeKind.TIMED_OUT)
    assert (second.completeness, len(second.facts)) == (Completeness.COMPLETE, 1)


async def test_time_outs_in_the_background_open_the_breaker(tmp_path: Path) -> None:
    """A source that never answers is left alone, although the first delivery never waits for its whole time-out."""

    async def never(request: Request, call: Call) -> Reply:
        await asyncio.sleep(3600)
        return reply()

    tables: dict[str, Any] = {
        "completeness": {"default": {"wait": "100ms"}},
        "sources": {"s": {"connector": "scripted", "guard": {"attempts": 1, "timeout": 0.5, "breaker_failures": 1}}},
    }
    async with running_bus(tmp_path, BY_REPEATS, wire=ScriptedWire(never), **tables) as bus:
        await bus.accept(message(repeats=["a"]))
        async with asyncio.timeout(PATIENCE):
            while bus.guards["s"].state().breaker == "closed":
                await asyncio.sleep(0.02)


async def test_a_source_that_fails_in_turns_makes_no_versions(tmp_path: Path) -> None:
    """Unavailable, invalid and awaiting by turns, of two questions in counter-step, is told once."""
    kinds = cycle((OutcomeKind.UNAVAILABLE, OutcomeKind.AWAITING, OutcomeKind.INVALID))

    def flapping(request: Request, call: Call) -> Reply:
        raise CallFailed(next(kinds), "test.code", "in turns", retry_after=0.0)

    wire = ScriptedWire(flapping)
    async with running_bus(tmp_path, BY_REPEATS, wire=wire, retry={"first": "1ms", "max": "1ms"}) as bus:
        taken = await bus.accept(message(repeats=["a", "b"]))
        assert isinstance(taken, Taken)
        async with asyncio.timeout(PATIENCE):
            while len(wire.asked) < 40:
                await asyncio.sleep(0.01)
        versions = await bus.journal.ask(lists.versions, taken.receipt.number)
    assert len(versions) == 1


def once_only(ask: Any) -> Lookup[Any, Any]:
    """Make a lookup that must not be asked twice."""
    made = lookup("s.once", ask, x=From("repeats[*]"))
    type(made).idempotent = False
    return made


@pytest.mark.parametrize("kind", [OutcomeKind.UNAVAILABLE, OutcomeKind.TIMED_OUT, OutcomeKind.INVALID])
async def test_what_is_not_idempotent_waits_for_a_person(tmp_path: Path, kind: OutcomeKind) -> None:
    """However it fails once it has left, nobody asks again by itself; `retry` does."""
    asked = []

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        asked.append(query.x)
        if len(asked) == 1:
            raise CallFailed(kind, "test.code", "failed", retry_after=0.0)
        return found(Thing(name="x"))

    async with running_bus(tmp_path, once_only(ask)) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await asyncio.wait_for(bus.settle(parked=True), PATIENCE)
        (state,) = await bus.journal.ask(cases.states, taken.receipt.number)
        assert (state.kind, state.next_attempt_at, len(asked)) == (kind, None, 1)
        await bus.journal.do(leases.Retry(taken.receipt.number))
        bus._dispatcher.more()
        await asyncio.wait_for(bus.settle(parked=True), PATIENCE)
        assert len((await dossier(bus, taken.receipt.number)).facts) == 1


async def test_what_is_not_idempotent_is_not_asked_again_after_a_crash(tmp_path: Path) -> None:
    """Who comes after a dead worker finds that the question left, and leaves it to a person."""
    asked = asyncio.Event()

    async def hangs(query: Any, source: Source) -> Outcome[Any]:
        asked.set()
        await asyncio.sleep(3600)
        raise AssertionError

    async def again(query: Any, source: Source) -> Outcome[Any]:
        raise AssertionError("it was asked twice")

    dead, alive = tmp_path / "dead", tmp_path / "alive"
    dead.mkdir()
    alive.mkdir()
    async with running_bus(
        dead, once_only(hangs), bus={"journal": f"sqlite:///{dead / 'journal.db'}", "grace": 0}
    ) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await asyncio.wait_for(asked.wait(), PATIENCE)
        for name in ("journal.db", "journal.db-wal", "journal.db.key"):  # what the disk holds if it dies now
            shutil.copy(dead / name, alive / name)
    async with running_bus(alive, once_only(again)) as bus:
        await asyncio.wait_for(bus.settle(parked=True), PATIENCE)
        (state,) = await bus.journal.ask(cases.states, taken.receipt.number)
        made = await dossier(bus, taken.receipt.number)
    assert (state.kind, state.code, state.next_attempt_at) == (OutcomeKind.TIMED_OUT, "end.unknown", None)
    assert (made.completeness, made.gaps[0].code) == (Completeness.SETTLED, "end.unknown")


@pytest.mark.proof
async def test_what_was_found_stays_where_a_worker_dies_over_its_refresh(tmp_path: Path) -> None:
    """What must not leave twice is noted before it leaves; that note does not take the record away."""
    asked, alive = asyncio.Event(), tmp_path / "alive"
    alive.mkdir()

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        if asked.is_set():
            raise AssertionError("it was asked once more")
        if refreshes:
            asked.set()
            await asyncio.sleep(3600)
        return found(Thing(name="x"))

    refreshes = False
    async with running_bus(tmp_path, once_only(ask), completeness={"default": {"wait": 60}}) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await asyncio.wait_for(bus.settle(), PATIENCE)
        refreshes = bool(await bus.journal.do(leases.Retry(taken.receipt.number, refresh=True)))
        bus._dispatcher.more()
        await asyncio.wait_for(asked.wait(), PATIENCE)
        for name in ("journal.db", "journal.db-wal", "journal.db.key"):  # what the disk holds if it dies now
            shutil.copy(tmp_path / name, alive / name)
    async with running_bus(alive, once_only(ask)) as bus:
        await asyncio.wait_for(bus.settle(parked=True), PATIENCE)
        (state,) = await bus.journal.ask(cases.states, taken.receipt.number)
    assert (state.kind, state.code, state.next_attempt_at) == (OutcomeKind.FOUND, "refresh.failed", None)
    assert state.record == Thing(name="x")
