"""What a broker confirmed and no queue wanted."""

from pathlib import Path

import pytest

from appealbus.connectors.broker.broker import Message, Properties, Published
from appealbus.core import LinkState
from tests.connectors.amqp.flow.flows import NAMES, body, running, table_of
from tests.services.rabbitmq import Vhost

INTAKES = {"intakes": {"letters": {"kind": "amqp"}}}


@pytest.mark.proof
async def test_what_came_while_the_queue_was_gone_becomes_an_appeal_with_a_receipt(
    tmp_path: Path, vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bus takes it from where it lies, once, and junk into quarantine; as long as it lies there, that is told."""
    monkeypatch.setattr("appealbus.connectors.amqp.topology.keeper.PAUSE", 1.0)
    with vhost.channel() as channel:
        channel.queue_declare("sender", durable=True)
    async with running(tmp_path, table_of(vhost), doors=False, **INTAKES) as flow:
        with vhost.channel() as channel:
            channel.queue_delete(NAMES.intake)
        for message in (body("m-1"), body("m-1"), b"junk"):
            sent = Message(message, Properties(message_id="x-1", reply_to="sender"), NAMES.incoming, "letters")
            assert await flow.broker.publish(sent) is Published.CONFIRMED

        def keeper() -> LinkState:
            (state,) = flow.brokers._keepers["main"].links()
            return state

        await flow.brokers.start(flow.broker)
        await flow.until(lambda: keeper().messages.get(NAMES.unrouted) == 3)
        told = f"queue {NAMES.unrouted} holds 3 appeals that no queue wanted, and nobody takes them"
        await flow.until(lambda: keeper().warning and told in keeper().detail)
        flow.bus.open_doors()
        answers = await flow.inbox("sender")
        assert [answer.properties.type for answer in await answers.wait(3)] == ["receipt", "receipt", "refusal"]
        counts = flow.counts("intake.letters")
        assert (counts["unrouted"], counts["taken"], counts["repeated"], counts["quarantined"]) == (3, 1, 1, 1)
        await flow.until(lambda: keeper().messages.get(NAMES.unrouted) == 0 and not keeper().warning)
        await flow.brokers.close(flow.broker)
        # The queue is there again, since the bus makes what is missing.
        await flow.until(lambda: flow.bus.parts.intakes[0].idle)
