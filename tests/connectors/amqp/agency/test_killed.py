"""A worker that is killed around an answer: nothing is lost, and nothing is asked for twice that had an answer."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import AmqpSettings
from appealbus.connectors.amqp.topology import WantedTopology, answers_of
from appealbus.connectors.amqp.topology.by_amqp import declare_in_memory
from appealbus.core.journal import access as journal_access
from appealbus.core.journal.appeals import cases, lists
from tests.connectors.amqp.agency.queue_agency import Agency, asking_bus, reply_to, settings_of
from tests.services import scripts
from tests.services.processes import PATIENCE
from tests.services.rabbitmq import Vhost

VICTIM = Path(__file__).with_name("victim.py")
ORAL = "<a><name>Орал</name></a>".encode()


@pytest.fixture
async def rabbit_agency(vhost: Vhost) -> AsyncIterator[Agency]:
    made = Agency(Brokers(AmqpSettings(brokers={"main": settings_of(vhost)})))
    await made.brokers.start(made.broker, WantedTopology())
    assert await made.broker.up(60)
    await declare_in_memory(made.broker, answers_of(made.brokers.names, "register"))
    await made.open()
    yield made
    await made.consumer.stop(0)
    await made.brokers.close(made.broker)


async def killed(folder: Path, vhost: Vhost, failpoint: str) -> None:
    """Run a bus until it dies at the failpoint."""
    given = {"APPEALBUS_FAILPOINT": failpoint}
    program = await scripts.start(VICTIM, folder, vhost.port, vhost.name, "m-1", environment=given)
    try:
        assert await asyncio.wait_for(program.wait(), PATIENCE) == -signal.SIGKILL
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def found(bus: Any) -> list[str]:
    """Wait until the only appeal's only question is found; return the ids that were asked with."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await bus.settle()
            (row,) = await bus.journal.ask(lists.appeals)
            states = await bus.journal.ask(cases.states, row.number)
            if [state.kind.value for state in states] == ["found"]:
                return [access.question_id for access in await bus.journal.ask(journal_access.access_rows)]
            await asyncio.sleep(0.05)


async def test_between_storing_and_acknowledging(rabbit_agency: Agency, vhost: Vhost, tmp_path: Path) -> None:
    """The broker brings the answer again; it is there already, and the next process goes on with it."""
    rabbit_agency.answer = lambda asked: reply_to(asked, ORAL)
    await killed(tmp_path, vhost, "bus.answered")
    async with asking_bus(tmp_path, rabbit_agency.brokers, answers=True) as bus:
        asked = await found(bus)
        async with asyncio.timeout(PATIENCE):
            while not [count for _, how, count in bus.answers if how in ("again", "unknown")]:
                await asyncio.sleep(0.05)
    assert asked == [message.properties.correlation_id for message in rabbit_agency.asked]
    assert len(asked) == 1


async def test_before_anything_is_concluded(rabbit_agency: Agency, vhost: Vhost, tmp_path: Path) -> None:
    """The question has left and the run dies: whatever the next run asks has its row, and one answer is enough."""
    rabbit_agency.answer = lambda asked: reply_to(asked, ORAL)
    await killed(tmp_path, vhost, "bus.before_conclude")
    async with asking_bus(tmp_path, rabbit_agency.brokers, answers=True) as bus:
        asked = await found(bus)
    assert {message.properties.correlation_id for message in rabbit_agency.asked} <= set(asked)
