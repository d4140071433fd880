"""Several workers on one journal in PostgreSQL: shared work, takeover, and a database that goes away."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from appealbus.core import Call, From, Reply, Request, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.delivery import relay as relaying
from appealbus.core.bus.duties import leader
from appealbus.core.bus.work import dispatcher as dispatching
from appealbus.core.domain.case import Case
from appealbus.core.journal import figures, workers
from appealbus.core.journal.appeals import claiming, leases
from tests.core.kit import Receiver, ScriptedWire, lookup, message, reply, running_bus
from tests.services.postgres import Postgres

BY_IIN = lookup("s.thing", x=From("text"))
PATIENCE = 40.0


@pytest.fixture(autouse=True)
def _fresh_receivers() -> Iterator[None]:
    Receiver.got.clear()
    Receiver.broken.clear()


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that are over soon."""
    monkeypatch.setattr(leader, "LEASE", 2.0)
    monkeypatch.setattr(leader, "_RENEW", 0.2)
    monkeypatch.setattr(leader, "_MARGIN", 0.5)
    monkeypatch.setattr(dispatching, "_RENEW", 0.3)


def tables(journal_database: str) -> dict[str, Any]:
    return {"bus": {"journal": journal_database, "grace": 1}, "deliveries": {"out": {"kind": "receiver"}}}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


def versions() -> list[tuple[str, int]]:
    return [(one.number, one.version) for one in Receiver.got.get("out", [])]


@pytest.mark.proof
async def test_workers_share_the_work(tmp_path: Path, journal_database: str) -> None:
    """Each appeal is asked about once and each version handed over once, by whichever; both are seen alive."""
    wire = ScriptedWire()
    async with AsyncExitStack() as stack:
        buses = [
            await stack.enter_async_context(running_bus(tmp_path, BY_IIN, wire=wire, **tables(journal_database)))
            for _ in range(2)
        ]
        messages = [message(f"m{at}", text=f"t{at}") for at in range(60)]
        taken = await asyncio.gather(*(buses[at % 2].accept(one) for at, one in enumerate(messages)))
        again = await asyncio.gather(*(buses[(at + 1) % 2].accept(one) for at, one in enumerate(messages)))
        for bus in buses:
            async with asyncio.timeout(PATIENCE):
                await bus.settle(parked=True)
        alive = await buses[0].journal.ask(workers.workers)
        (source,) = await buses[0].journal.ask(workers.source_states)

    assert all(isinstance(one, Taken) and one.new for one in taken)
    assert not any(isinstance(one, Taken) and one.new for one in again)
    assert Counter(len(wire.asked) for _ in "x") == {60: 1}
    assert sorted(versions()) == sorted((one.receipt.number, 1) for one in taken if isinstance(one, Taken))
    assert {one.name for one in alive} == {bus.worker for bus in buses}
    assert source.source == "s"


def die(bus: Bus) -> None:
    """Stop all of a bus at once, as if its process had been killed."""
    for task in [*bus._tasks._running, *bus._dispatcher._cases.values()]:
        task.cancel()
    bus._stopping = True


@pytest.mark.proof
@pytest.mark.usefixtures("_soon")
async def test_another_worker_hands_over_when_one_dies(tmp_path: Path, journal_database: str) -> None:
    """One relay a receiver; within its lease the other one's takes over, and what is new goes out in order."""
    async with (
        running_bus(tmp_path, BY_IIN, **tables(journal_database)) as first,
        running_bus(tmp_path, BY_IIN, **tables(journal_database)) as second,
    ):
        await until(lambda: first.relays[0]._lease.held or second.relays[0]._lease.held)
        holder, other = (first, second) if first.relays[0]._lease.held else (second, first)
        await asyncio.sleep(0.5)
        assert not other.relays[0]._lease.held
        await other.accept(message("a", text="a"))
        await until(lambda: len(versions()) == 1)
        die(holder)
        await other.accept(message("b", text="b"))
        await until(lambda: len(versions()) == 2)
        assert other.relays[0]._lease.held
        assert not holder.relays[0]._lease.held


@pytest.mark.proof
@pytest.mark.usefixtures("_soon")
async def test_a_relay_that_lost_its_duty_stops_at_once(tmp_path: Path, journal_database: str) -> None:
    """What it was handing over is cancelled before the other one may begin."""
    begun: list[Any] = []
    cancelled = []

    async def slow(batch: Any) -> Any:
        begun.append(batch)
        try:
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            cancelled.append(asyncio.get_running_loop().time())
            raise

    async with running_bus(tmp_path, BY_IIN, **tables(journal_database)) as bus:
        relay = bus.relays[0]
        relay._door._delivery.deliver = slow  # type: ignore[method-assign]
        await until(lambda: relay._lease.held)
        await bus.accept(message("a", text="a"))
        await until(lambda: bool(begun))
        with psycopg.connect(journal_database, autocommit=True) as other:
            other.execute("UPDATE lease SET owner = 'other', until = until + 60000000 WHERE name = 'relay.out'")
        await until(lambda: bool(cancelled))
        assert not relay._lease.held
        assert (await bus.journal.ask(figures.counts)).outbox == {"out": 1}


@pytest.mark.proof
async def test_who_hands_over_hears_of_what_others_conclude(
    tmp_path: Path, journal_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait until it looks again."""
    async with (
        running_bus(tmp_path, BY_IIN, **tables(journal_database)) as one,
        running_bus(tmp_path, BY_IIN, **tables(journal_database)) as two,
    ):
        await until(lambda: one.relays[0]._lease.held or two.relays[0]._lease.held)
        other = two if one.relays[0]._lease.held else one
        monkeypatch.setattr(relaying, "_POLL", 10 * PATIENCE)
        await asyncio.sleep(1.5)  # the last look of before
        await other.accept(message("a", text="a"))
        await until(lambda: len(versions()) == 1)
        monkeypatch.undo()


@pytest.mark.proof
@pytest.mark.usefixtures("_soon")
async def test_a_case_that_another_worker_took_is_dropped(tmp_path: Path, journal_database: str) -> None:
    """The slow worker stops asking and writes nothing; the other one's version is the only one."""

    async def never(request: Request, call: Call) -> Reply:
        await asyncio.sleep(PATIENCE)
        return reply()

    async with running_bus(tmp_path, BY_IIN, wire=ScriptedWire(never), **tables(journal_database)) as bus:
        await bus.accept(message("a", text="a"))
        await until(lambda: bus.in_flight == 1)
        with capture_logs() as logs:
            claimed: list[Case] = []
            while not claimed:
                with psycopg.connect(journal_database, autocommit=True) as other:
                    other.execute("UPDATE appeal SET lease_until = 0")
                claimed = await claiming.claim(bus.journal, claiming.Claim("other", datetime.now(UTC), 10, 60))
            await until(lambda: bus.in_flight == 0)
        assert "case.lost" in {line["event"] for line in logs}
        (case,) = claimed
        assert case.version == 0
        assert await bus.journal.do(leases.Renewal("other", [case.appeal_id], datetime.now(UTC), 60)) == {
            case.appeal_id
        }


@pytest.mark.proof
async def test_live_cases_keep_their_leases(
    tmp_path: Path, journal_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lookup that takes longer than the lease is asked once and ends well: nobody takes it over."""
    monkeypatch.setattr(dispatching, "LEASE", 2.0)
    monkeypatch.setattr(dispatching.Dispatcher.__init__, "__kwdefaults__", {"lease": 2.0})

    async def slow(request: Request, call: Call) -> Reply:
        await asyncio.sleep(5)
        return reply()

    wire = ScriptedWire(slow)
    async with (
        running_bus(tmp_path, BY_IIN, wire=wire, **tables(journal_database)) as bus,
        running_bus(tmp_path, BY_IIN, wire=wire, **tables(journal_database)),
    ):
        await bus.accept(message("a", text="a"))
        await until(lambda: len(versions()) == 1)
    assert len(wire.asked) == 1


@pytest.mark.proof
@pytest.mark.parametrize("kill", [False, True])
async def test_the_bus_goes_on_after_the_database_was_away(
    tmp_path: Path, journal_database: str, postgres: Postgres, kill: bool
) -> None:
    """Restarted in the midst of work: what has a receipt is finished, and versions are handed over in order."""
    async with running_bus(tmp_path, BY_IIN, **tables(journal_database)) as bus:
        taken: dict[str, str] = {}

        async def send(name: str) -> None:
            while name not in taken:
                try:
                    result = await bus.accept(message(name, text=name))
                    assert isinstance(result, Taken)
                    taken[name] = result.receipt.number
                except Exception:
                    await asyncio.sleep(0.2)

        first = [asyncio.create_task(send(f"a{at}")) for at in range(100)]
        await until(lambda: len(taken) >= 10)
        (postgres.kill if kill else postgres.stop)()
        second = [asyncio.create_task(send(f"b{at}")) for at in range(20)]
        await asyncio.sleep(1)
        postgres.start()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*first, *second)
            await bus.settle(parked=True)
    assert len(set(taken.values())) == 120
    assert {number for number, _ in versions()} == set(taken.values())
