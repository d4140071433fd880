"""Parts with a trouble of their own: it is theirs, and disturbs neither the other parts nor the connection."""

import struct
from pathlib import Path
from typing import Any

import pika
import pytest

from appealbus.connectors.broker.broker import QueueInfo
from appealbus.core import LinkState, LinkStatus
from appealbus.core.bus import service_view
from appealbus.core.bus.bus import Bus
from tests.connectors.amqp.flow.flows import NAMES, Run, body, running, table_of
from tests.services.rabbitmq import Vhost

LETTERS = {"letters": {"kind": "amqp"}}
LATER = {"address": {"connector": "amqp", "queue": "questions", "answers": True}}
NOW = {"persons": {"connector": "amqp", "queue": "questions"}}


class Hostile(pika.BasicProperties):  # type: ignore[misc] # pika has no types
    """Properties with a time that Python does not know."""

    def encode(self) -> list[bytes]:
        entry = b"\x01xT" + struct.pack(">Q", 2**63)
        return [struct.pack(">HI", pika.BasicProperties.FLAG_HEADERS, len(entry)) + entry]


def link(bus: Bus, name: str) -> LinkState:
    return next(each for each in bus.links() if each.name == name)


async def unready(bus: Bus) -> list[str]:
    async def probe() -> None:
        pass

    return [each.name for each in await service_view.checks(bus, probe) if each.needed and not each.ok]


async def test_an_appeal_with_unreadable_properties_is_taken(tmp_path: Path, vhost: Vhost) -> None:
    """Its sender has the broker's confirmation, and its body is whole."""
    async with running(tmp_path, table_of(vhost), intakes=LETTERS) as flow:
        with vhost.channel() as channel:
            channel.confirm_delivery()
            channel.basic_publish(NAMES.incoming, "k", body("m-1"), Hostile(), mandatory=True)
        await flow.until(lambda: flow.counts("intake.letters")["taken"] == 1)
        assert await flow.reasons() == []


async def test_a_missing_queue_is_the_trouble_of_who_consumes(tmp_path: Path, vhost: Vhost) -> None:
    """A bus whose source's answers cannot come still takes appeals, and is ready."""
    with vhost.channel() as channel:
        for queue in (NAMES.intake, NAMES.quarantine, "questions"):
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    table = {**table_of(vhost), "declare": False}
    async with running(tmp_path, table, up=False, intakes=LETTERS, sources={**LATER, **NOW}) as flow:
        await flow.until(lambda: link(flow.bus, "answers.address").status is LinkStatus.REFUSED)
        assert NAMES.answers("address") in link(flow.bus, "answers.address").detail
        await flow.send(body("m-1"))
        await flow.until(lambda: flow.counts("intake.letters")["taken"] == 1)
        for name in ("main.consume", "main.publish", "main.replies", "intake.letters"):
            assert link(flow.bus, name).status is LinkStatus.UP
        assert await unready(flow.bus) == []


async def test_an_intake_without_its_queues_is_not_ready(run: Run) -> None:
    """Each of those that are missing is told."""
    letters = {"kind": "amqp", "queue": "letters", "dead_letters": "lost"}
    async with run(intakes={"letters": letters}) as flow:
        await flow.until(lambda: "; lost: " in link(flow.bus, "intake.letters").detail)
        assert link(flow.bus, "intake.letters").status is LinkStatus.REFUSED
        assert link(flow.bus, "intake.letters").detail.startswith("letters: ")
        assert await unready(flow.bus) == ["intake.letters"]
        for queue in ("letters", "lost"):
            await flow.broker.declare_queue(queue)
        await flow.until(lambda: link(flow.bus, "intake.letters").status is LinkStatus.UP)


@pytest.mark.proof
async def test_a_queue_of_which_the_broker_knows_nothing_is_not_empty(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that there is no message and no consumer while the queue's leader is slow; we consume, so we know."""
    async with run(intakes=LETTERS) as flow:
        (intake,) = flow.bus.parts.intakes
        declare = flow.broker.declare_queue
        asked = 0

        async def look(name: str, *given: Any, **more: Any) -> QueueInfo:
            nonlocal asked
            asked += 1
            return QueueInfo(name, 0, 0) if asked < 4 else await declare(name, *given, **more)

        await flow.until(lambda: intake.idle)
        monkeypatch.setattr(flow.broker, "declare_queue", look)
        await flow.send(body("m-1"))
        await flow.until(lambda: flow.counts("intake.letters")["taken"] == 1)
        await flow.until(lambda: intake.idle)
        assert asked > 4
