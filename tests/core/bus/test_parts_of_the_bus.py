"""The parts of a running bus: none ends in silence, none fills the log, none is left behind."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from appealbus.core import Call, CallFailed, From, OutcomeKind, Reply, Request, Taken
from appealbus.core.bus import heartbeat as presences
from appealbus.core.bus import tasks
from appealbus.core.bus.delivery import relay as relays
from appealbus.core.bus.work import dispatcher as dispatching
from appealbus.core.errors import UNREACHABLE, JournalError
from appealbus.core.journal import figures, workers
from appealbus.core.journal.appeals import claiming
from appealbus.core.journal.deliveries import deliveries
from tests.core.kit import Receiver, ScriptedWire, lookup, message, reply, running_bus
from tests.services.asking import instead, through
from tests.services.processes import PATIENCE

BY_TEXT = lookup("s.thing", x=From("text"))
OUT = {"deliveries": {"out": {"kind": "receiver"}}}


@pytest.fixture(autouse=True)
def _fresh_receivers() -> None:
    Receiver.got.clear()
    Receiver.broken.clear()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("what", "part"),
    [(figures.next_due, "dispatch"), (workers.Beat, "watch"), (deliveries.undelivered, "relay.out")],
)
async def test_a_part_that_raises_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any, part: str
) -> None:
    """Whatever it was; the bus says so and goes on with all its parts."""
    monkeypatch.setattr(tasks, "RESTART", 0.05)
    failures = 1
    calls = 0

    async with running_bus(tmp_path, BY_TEXT, **OUT) as bus:
        original = through(bus.journal, what)

        async def once(*given: Any, **more: Any) -> Any:
            nonlocal failures, calls
            calls += 1
            if failures:
                failures -= 1
                raise RuntimeError("a defect")
            return await original(*given, **more)

        instead(monkeypatch, bus.journal, what, once)
        with capture_logs() as logs:
            await until(lambda: calls >= 2)
        assert [line["kind"] for line in logs if line["event"] == "bus.part_ended"] == [part]
        await bus.accept(message("a", text="a"))
        await until(lambda: bool(Receiver.got.get("out")))


async def test_a_journal_that_is_away_does_not_fill_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part says it once, and once more when it fails anew after a time in which it worked."""
    for module in (dispatching, presences, relays):
        monkeypatch.setattr(module, "_POLL", 0.01)
    monkeypatch.setattr(presences, "BEAT", 0.0)
    calls: Counter[str] = Counter()
    away = True

    async with running_bus(tmp_path, BY_TEXT, **OUT) as bus:

        def failing(method: str, original: Callable[..., Any]) -> Callable[..., Any]:

            async def fail(*given: Any, **more: Any) -> Any:
                calls[method] += 1
                if away:
                    raise JournalError("the database cannot be reached", UNREACHABLE)
                return await original(*given, **more)

            return fail

        methods = ("claim", "beat", "undelivered")
        monkeypatch.setattr(claiming, "claim", failing("claim", claiming.claim))
        for name, what in (("beat", workers.Beat), ("undelivered", deliveries.undelivered)):
            instead(monkeypatch, bus.journal, what, failing(name, through(bus.journal, what)))
        with capture_logs() as logs:
            for _ in range(2):
                away = True
                calls.clear()
                await until(lambda: all(calls[method] > 10 for method in methods))
                away = False
                calls.clear()
                await until(lambda: all(calls[method] > 2 for method in methods))
    told = Counter(line["event"] for line in logs)
    assert told == {"journal.claim_failed": 2, "journal.beat_failed": 2, "delivery.journal_failed": 2}


async def test_what_is_written_down_while_the_bus_stops_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An appeal whose receipt comes during the drain is concluded with the others; nothing runs on after the end."""
    async with running_bus(tmp_path, BY_TEXT, wire=ScriptedWire(), **OUT) as bus:
        gate = asyncio.Event()
        original = bus.journal.accept

        async def slow(*given: Any, **more: Any) -> Any:
            accepted = await original(*given, **more)
            await gate.wait()
            return accepted

        monkeypatch.setattr(bus.journal, "accept", slow)
        accepting = asyncio.create_task(bus.accept(message("a", text="a")))
        await until(lambda: bus._arrivals.busy)
        asyncio.get_running_loop().call_later(0.3, gate.set)
    assert isinstance(await accepting, Taken)
    assert not bus._dispatcher.busy
    assert [one.version for one in Receiver.got["out"]] == [1]


@pytest.mark.proof
async def test_a_due_appeal_that_is_being_taken_is_not_asked_for_in_a_circle(
    tmp_path: Path, journal_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another worker has its row the dispatcher looks each second, and gets it when it is free."""

    def away(request: Request, call: Call) -> Reply:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "x.away", "it is away")

    wire = ScriptedWire(away)
    tables = {"bus": {"journal": journal_database, "grace": 1}, "retry": {"first": "2s", "max": "2s"}}
    async with running_bus(tmp_path, BY_TEXT, wire=wire, **tables) as bus:
        await bus.accept(message("a", text="a"))
        async with asyncio.timeout(PATIENCE):
            while not (await bus.journal.ask(figures.counts)).parked:
                await asyncio.sleep(0.01)
        claims = 0
        original = claiming.claim

        async def claim(*given: Any, **named: Any) -> Any:
            nonlocal claims
            claims += 1
            return await original(*given, **named)

        async with await psycopg.AsyncConnection.connect(journal_database) as other:
            await other.execute("SELECT id FROM appeal FOR UPDATE")
            due = await bus.journal.ask(figures.next_due)
            assert due is not None
            await asyncio.sleep((due - datetime.now(UTC)).total_seconds() + 0.1)
            monkeypatch.setattr(claiming, "claim", claim)
            await asyncio.sleep(1.5)
            assert len(wire.asked) == 1
            assert claims <= 5
        await until(lambda: len(wire.asked) == 2)


async def test_who_waits_goes_before_who_comes(tmp_path: Path) -> None:
    """Places that become free one by one go to the most urgent in the journal, not to whatever comes in next."""
    gates: dict[str, asyncio.Event] = {}

    async def ask(request: Request, call: Call) -> Reply:
        gates[call.number] = asyncio.Event()
        await gates[call.number].wait()
        return reply()

    async with running_bus(tmp_path, BY_TEXT, wire=ScriptedWire(ask), bus={"concurrency": 8}) as bus:
        for each in range(8):
            await bus.accept(message(f"m-{each}", text=str(each)))
        await until(lambda: len(gates) == 8)
        urgent = await bus.accept(message("urgent", text="urgent", due_on="2026-01-01"))
        assert isinstance(urgent, Taken)
        await until(lambda: bus._dispatcher._starved)
        for each, number in enumerate(list(gates)):
            gates[number].set()
            await until(lambda each=each: bus.in_flight < 8)  # type: ignore[misc]
            await bus.accept(message(f"n-{each}", text=f"n-{each}"))
            if urgent.receipt.number in gates:
                break
        await until(lambda: len(gates) > 8)
        assert list(gates)[8] == urgent.receipt.number
        for gate in gates.values():
            gate.set()
