"""The relay: one version that a receiver does not take costs the others nothing."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from appealbus.core import Delivery, Factory, Handed, NoSettings, Outgoing, Refused, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.delivery import relay
from appealbus.core.config.loading import from_document
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.deliveries.deliveries import DeliveryState
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.loading.parts import build
from appealbus.schemas import Completeness
from tests.core.kit import message
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

BAD = "-00000013"
"""What the number of one appeal ends with; it begins with the year."""


class Judge(Delivery[NoSettings]):
    """Does with each batch what the test says, and keeps what it took."""

    rule: Callable[[Sequence[Outgoing]], Sequence[Handed]]
    got: Counter[str]
    calls = 0

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        type(self).calls += 1
        results = await asyncio.to_thread(type(self).rule, batch)
        pairs = zip(batch, results, strict=False)
        type(self).got.update(item.message_id for item, result in pairs if result is None)
        return results


@pytest.fixture(autouse=True)
def _judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Judge.got, Judge.calls = Counter(), 0
    monkeypatch.setattr(relay, "_BACKOFF_MAX", 0.02)
    monkeypatch.setattr(relay, "_POLL", 0.02)
    with capture_logs():
        yield


@asynccontextmanager
async def judged(
    folder: Path,
    rule: Callable[[Sequence[Outgoing]], Sequence[Handed]],
    appeals: int = 40,
    before: Callable[[Journal], Awaitable[object]] | None = None,
) -> Any:
    """Run a bus whose receiver follows a rule, over a journal that has so many dossiers for it already."""
    Judge.rule = staticmethod(rule)
    document = {
        "bus": {"journal": sqlite_journal(folder / "journal.db"), "grace": 1},
        "deliveries": {"out": {"kind": "judge"}},
    }
    loaded = from_document(document, folder)
    host = Host(lambda name, model: model())
    host.plugins.append(Plugin("test", "1", "test", brought={"deliveries": [Factory("judge", NoSettings, Judge)]}))
    async with await Journal.open(loaded.settings.bus.journal, key=loaded.settings.bus.key_file()) as journal:
        await journal.hold_run_lock()
        bus = Bus(loaded, build(loaded, host), journal)
        async with bus.relays[0]._one_at_a_time:
            await bus.start()
            for number in range(1, appeals + 1):
                assert isinstance(await bus.accept(message(str(number))), Taken)
            async with asyncio.timeout(PATIENCE):
                while (await journal.ask(figures.counts)).outbox.get("out", 0) < appeals:
                    await asyncio.sleep(0.01)
            if before is not None:
                await before(journal)
        try:
            yield bus
        finally:
            await bus.stop()


def fine(batch: Sequence[Outgoing]) -> list[Handed]:
    return [None] * len(batch)


def raising(batch: Sequence[Outgoing]) -> list[Handed]:
    if any(item.number.endswith(BAD) for item in batch):
        raise RuntimeError("this one it cannot take")
    return fine(batch)


def miscounting(batch: Sequence[Outgoing]) -> list[Handed]:
    return [] if any(item.number.endswith(BAD) for item in batch) else fine(batch)


def refusing(batch: Sequence[Outgoing]) -> list[Handed]:
    return [Refused("too_large") if item.number.endswith(BAD) else None for item in batch]


async def alone(bus: Bus) -> list[tuple[str, int, str | None]]:
    return [(row.number[-len(BAD) :], row.version, row.reason) for row in await bus.journal.ask(deliveries.deliveries)]


@pytest.mark.parametrize(
    ("rule", "reason"), [(raising, "RuntimeError"), (miscounting, "miscounted"), (refusing, "too_large")]
)
async def test_one_bad_version_waits_alone_and_the_others_go_out_once(
    tmp_path: Path, rule: Callable[[Sequence[Outgoing]], Sequence[Handed]], reason: str
) -> None:
    """Of forty in one batch thirty-nine are delivered once; the bad one ends with its reason, and no more calls."""
    async with judged(tmp_path, rule) as bus:
        async with asyncio.timeout(PATIENCE):
            while not await alone(bus):
                await asyncio.sleep(0.02)
            await bus.settle(parked=True)
        assert await alone(bus) == [(BAD, 1, reason)]
        counts = await bus.journal.ask(figures.counts)
        calls = Judge.calls
        await asyncio.sleep(0.2)
        assert Judge.calls == calls
    assert len(Judge.got) == 39
    assert set(Judge.got.values()) == {1}
    assert (counts.outbox, counts.alone) == ({}, {"out": 1})


@pytest.mark.proof
async def test_a_receiver_that_is_away_puts_nothing_aside(tmp_path: Path) -> None:
    """Whatever it is given raises, for many more tries than one version has; once it is back all of it goes out."""
    away = True

    def rule(batch: Sequence[Outgoing]) -> list[Handed]:
        if away:
            raise ConnectionError("away")
        return fine(batch)

    async with judged(tmp_path, rule, 8) as bus:
        async with asyncio.timeout(PATIENCE):
            while Judge.calls < 100:
                await asyncio.sleep(0.02)
            assert await alone(bus) == []
            away = False
            await bus.settle(parked=True)
    assert len(Judge.got) == 8
    assert set(Judge.got.values()) == {1}


async def test_a_batch_of_many_bad_ones_lets_the_good_ones_through(tmp_path: Path) -> None:
    """Every second one raises: the good half is delivered once each, the bad half waits alone."""

    def rule(batch: Sequence[Outgoing]) -> list[Handed]:
        if any(int(item.number[-2:]) % 2 for item in batch):
            raise RuntimeError("odd")
        return fine(batch)

    async with judged(tmp_path, rule, 16) as bus:
        async with asyncio.timeout(PATIENCE):
            await bus.settle(parked=True)
        assert len(await alone(bus)) == 8
    assert len(Judge.got) == 8
    assert set(Judge.got.values()) == {1}


class Odd:
    """Nothing that a delivery may say of a version, and it raises whatever is done with it."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    def __str__(self) -> str:
        raise RuntimeError("not readable")


@pytest.mark.parametrize("odd", [Odd(), Refused(Odd()), 7, "\ud800\x00"])  # type: ignore[arg-type]
async def test_what_a_delivery_should_not_say_of_one_version_is_said_of_that_one(tmp_path: Path, odd: Any) -> None:
    """It is told as a failure and comes again; the others went out once, and the bus ends in good order."""

    def rule(batch: Sequence[Outgoing]) -> list[Handed]:
        return [odd if item.number.endswith(BAD) else None for item in batch]

    async with judged(tmp_path, rule) as bus:
        async with asyncio.timeout(PATIENCE):
            while bus.relays[0].results["failed"] < 2:
                await asyncio.sleep(0.01)
        assert len(Judge.got) == 39
        assert set(Judge.got.values()) == {1}
        await bus.relays[0].flush(0.1)
    assert bus.journal._write.failed == 0


async def test_what_somebody_died_over_is_handed_over_alone(tmp_path: Path) -> None:
    """The one over which three died alone waits, with its reason; the others go out once, and none beside another."""
    together: list[int] = []

    def rule(batch: Sequence[Outgoing]) -> list[Handed]:
        together.append(len(batch))
        return fine(batch)

    async def died(journal: Journal) -> None:
        rows = await journal.ask(deliveries.undelivered, "out", journal.now(), 100)
        await journal.do(delivering.Begun([row.delivery_id for row in rows], "dead"))
        bad = [row.delivery_id for row in rows if row.number.endswith(BAD)]
        for life in range(3):
            await journal.do(delivering.Begun(bad, f"dead {life}"))

    async with judged(tmp_path, rule, 20, died) as bus:
        async with asyncio.timeout(PATIENCE):
            await bus.settle(parked=True)
        assert await alone(bus) == [(BAD, 1, "process.died")]
    assert together == [1] * 19
    assert set(Judge.got.values()) == {1}


@pytest.mark.proof
async def test_who_stops_over_old_versions_has_not_died_over_them(tmp_path: Path) -> None:
    """They were noted before they were handed over, and are as they were once the bus was told to stop."""
    free, came = threading.Event(), threading.Event()

    def rule(batch: Sequence[Outgoing]) -> list[Handed]:
        came.set()
        free.wait(60)
        return fine(batch)

    async with judged(tmp_path, rule, 3) as bus:
        assert await asyncio.to_thread(came.wait, 20)
        journal = bus.journal
        noted = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
        assert {row.begun_by for row in noted} == {bus.worker}
        await bus.stop()
        noted = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
        free.set()
    assert {(row.begun_by, row.deaths) for row in noted} == {(None, 0)}


async def test_what_waits_alone_holds_up_no_later_version_and_can_be_sent_again(tmp_path: Path) -> None:
    """The second version of its appeal goes out; resent it has the same id; skipped it is over, with a reason."""
    bad = True

    def rule(batch: Sequence[Outgoing]) -> list[Handed]:
        return [Refused("no") if bad and item.version == 1 else None for item in batch]

    async with judged(tmp_path, rule, 2) as bus:
        journal = bus.journal
        async with asyncio.timeout(PATIENCE):
            while len(await alone(bus)) < 2:
                await asyncio.sleep(0.02)
            (first, second) = await journal.ask(lists.appeals)
            await journal.conclude(
                Conclusion(
                    first.appeal_id,
                    dossier=b"{}",
                    version=2,
                    completeness=Completeness.COMPLETE,
                    receivers=["out"],
                    due_at=None,
                )
            )
            while f"{first.number}/2" not in Judge.got:
                await asyncio.sleep(0.02)
        bad = False
        assert await journal.do(delivering.Resend(first.number)) == 1
        assert await journal.do(delivering.Skip(second.number, "withdrawn by letter 5")) == 1
        async with asyncio.timeout(PATIENCE):
            await bus.settle(parked=True)
        assert await alone(bus) == []
        (row,) = await journal.ask(deliveries.deliveries, second.number)
        assert (row.state, row.reason) == (DeliveryState.SKIPPED, "withdrawn by letter 5")
        assert [each.state for each in await journal.ask(deliveries.deliveries, first.number)] == [
            DeliveryState.DELIVERED
        ] * 2
        assert await journal.do(delivering.Resend(first.number, version=2)) == 1
        async with asyncio.timeout(PATIENCE):
            await bus.settle(parked=True)
    assert Judge.got == {f"{first.number}/1": 1, f"{first.number}/2": 2}
