"""The work queue `amqp`: hints reach other workers, and nothing waits for one."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import WorkSettings
from appealbus.connectors.amqp.work import AmqpWorkQueue, priority_of
from appealbus.core import Inbound, Waiting
from appealbus.core.journal import figures
from tests.connectors.amqp.flow.flows import NAMES, PATIENCE, Flow, Run, body, running, table_of
from tests.services.day import today
from tests.services.rabbitmq import Vhost

PARTS = {"work": {"kind": "amqp"}}


async def test_a_worker_without_room_tells_the_others(run: Run) -> None:
    """Its hint names the appeal; it goes when the other has looked."""
    first = today()
    async with run(doors=False, **PARTS) as flow:
        flow.bus._dispatcher._arriving = flow.bus.settings.bus.concurrency
        # It does not take its own hints while it is full, so another one gets it.
        got = await flow.inbox("tap")
        flow.bus.parts.work._queue = "tap"
        await flow.bus.accept(Inbound("test", "test", body(due_on=first.isoformat())))
        (hint,) = await got.wait(1)
        flow.bus._dispatcher._arriving = 0
    assert hint.body == f"AB-{first.year}-00000001".encode()
    assert (hint.properties.type, hint.properties.message_id, hint.properties.priority) == ("waiting", "1", 9)
    assert hint.properties.expiration == 60


async def test_a_hint_makes_a_worker_look(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, not at its next look into the journal; then the hint is gone."""
    monkeypatch.setattr("appealbus.core.bus.work.dispatcher._POLL", 1000.0)
    async with run(doors=False, **PARTS) as flow:
        await flow.until(lambda: not flow.bus._dispatcher._backlog)
        other = AmqpOther(flow.brokers)
        taken = await flow.bus._reception.receive(Inbound("test", "test", body()))  # as another process would
        other.offer(Waiting(taken.case.appeal_id, "AB-1", 1))  # type: ignore[union-attr]
        task = asyncio.create_task(other.publish())

        async def done() -> bool:
            return (await flow.bus.journal.ask(figures.counts)).idle == 1

        await flow.until(done)
        await flow.until(lambda: flow.counts("work_queue")["taken"] == 1)
        assert (await flow.broker.declare_queue(NAMES.work, passive=True)).messages == 0
        task.cancel()


@pytest.mark.proof
async def test_two_workers_share_the_work_of_one_journal(
    tmp_path: Path, vhost: Vhost, journal_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over PostgreSQL and RabbitMQ: what one accepts and cannot do, the other does, without a look of its own."""
    monkeypatch.setattr("appealbus.core.bus.work.dispatcher._POLL", 1000.0)
    table = table_of(vhost)
    tables = {"bus": {"journal": journal_database}, **PARTS}
    async with (
        running(tmp_path, table, doors=False, **tables) as full,
        running(tmp_path, table, doors=False, **tables) as free,
    ):
        for flow in (full, free):
            await flow.until(lambda flow=flow: not flow.bus._dispatcher._backlog)
        full.bus._dispatcher._arriving = full.bus.settings.bus.concurrency
        for number in range(20):
            await full.bus.accept(Inbound("test", "test", body(f"m-{number}")))

        async def done() -> bool:
            return (await full.bus.journal.ask(figures.counts)).idle == 20

        await full.until(done)
        full.bus._dispatcher._arriving = 0
        await full.until(lambda: free.bus.in_flight == 0)
        await full.until(lambda: free.counts("work_queue")["taken"] >= 1)


class AmqpOther:
    """Another worker, which only offers."""

    def __init__(self, brokers: Brokers) -> None:
        self._queue = AmqpWorkQueue("work", WorkSettings(), brokers)
        self.offer = self._queue.offer
        self.publish = self._queue._publish


async def test_a_worker_without_room_gives_a_hint_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one may have it; where all are full it is gone in the end, and they look by themselves."""
    monkeypatch.setattr("appealbus.core.bus.bus._HINT", 0.02)
    async with run(doors=False, **PARTS) as flow:
        await flow.until(lambda: _consumed(flow))
        flow.bus._dispatcher._arriving = flow.bus.settings.bus.concurrency
        await flow.bus.accept(Inbound("test", "test", body()))
        await flow.until(lambda: flow.counts("work_queue")["offered"] == 1)

        async def gone() -> bool:
            return (await flow.broker.declare_queue(NAMES.work, passive=True)).messages == 0

        await asyncio.sleep(0.1)
        assert flow.counts("work_queue")["taken"] == 0
        flow.bus._dispatcher._arriving = 0
        async with asyncio.timeout(PATIENCE):
            await flow.bus.settle()
        await flow.until(gone)


async def _consumed(flow: Flow) -> bool:
    return (await flow.broker.declare_queue(NAMES.work, passive=True)).consumers == 1


async def test_many_offers_are_few_hints(run: Run) -> None:
    """At most twenty a second, and the most urgent speaks for the others: a look takes all that there is room for."""
    first = today().toordinal()
    async with run(doors=False, **PARTS) as flow:
        await flow.until(lambda: _consumed(flow))
        got = await flow.inbox("tap")
        work = flow.bus.parts.work
        assert work is not None
        work._queue = "tap"
        for number in range(1000):
            work.offer(Waiting(number, f"AB-{number}", first if number == 700 else first + 3))
        (hint,) = await got.wait(1)
        assert (hint.body, hint.properties.priority) == (b"AB-700", 9)
        await flow.until(lambda: flow.counts("work_queue")["offered"] == 1)
        for number in range(10):
            work.offer(Waiting(number, "AB-1", first))
        await flow.until(lambda: flow.counts("work_queue")["offered"] == 2)
        assert flow.counts("work_queue")["joined"] == 999 + 9


async def test_offering_never_waits_and_never_grows(tmp_path: Path) -> None:
    """With a broker that cannot be reached, too: there is never more than one hint to be told."""
    table = {"hosts": ["127.0.0.1:9"], "password": {"env": "PASSWORD"}}
    async with running(tmp_path, table, up=False, doors=False, **PARTS) as flow:
        work = flow.bus.parts.work
        assert work is not None
        for number in range(20_000):
            work.offer(Waiting(number, "AB-1", 1))
        assert flow.counts("work_queue")["joined"] == 19_999


def test_the_priority_follows_the_deadline() -> None:
    """Overdue and today are 9, a week is 2, and what has no deadline is 0."""
    first = today()
    days = [priority_of((first + timedelta(days=days)).toordinal()) for days in (-30, 0, 1, 4, 7, 9, 100)]
    assert days == [9, 9, 8, 5, 2, 0, 0]
