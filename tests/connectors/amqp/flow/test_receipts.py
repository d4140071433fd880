"""Where the receipts of the intake `amqp` go: to whoever asked, and to nobody whom its settings do not allow."""

import asyncio
import time
from base64 import b64encode
from pathlib import Path

import pika
from structlog.testing import capture_logs

from appealbus.schemas import Receipt
from tests.connectors.amqp.flow.flows import NAMES, PATIENCE, Run, body, running, table_of
from tests.services.rabbitmq import Vhost

INTAKES = {"intakes": {"letters": {"kind": "amqp"}}}


async def test_nobody_waits_for_the_receipt(run: Run) -> None:
    """It is counted, and the message is done: the appeal is safe."""
    async with run(**INTAKES) as flow:
        await flow.send(body(), message_id="x-1", reply_to="nobody.is.here")
        await flow.until(lambda: flow.counts("intake.letters")["receipts_unroutable"] == 1)
        await flow.until(lambda: flow.bus.parts.intakes[0].idle)
        assert (await flow.broker.declare_queue(NAMES.intake, passive=True)).messages == 0
        assert flow.counts("intake.letters")["taken"] == 1


async def test_a_receipt_goes_only_where_it_may(run: Run) -> None:
    """Not to a queue of the bus, and not to an address that makes RabbitMQ end the connection; the appeal is taken."""
    strange = ("garbage", "", "a.b", "g1h2AA.!!", "g1h2.", "g1h2AAAA.x.y", "g1h2.AAAA", "g2EB.AAAA", "g1D/////.AAAA")
    addresses = [*(f"amq.rabbitmq.reply-to.{each}" for each in strange), NAMES.intake, NAMES.work, NAMES.answers("a")]
    lost = len(addresses)
    nowhere = b64encode(b"\x83Xw\x07rabbit@" + bytes(12)).decode()
    addresses.append(f"amq.rabbitmq.reply-to.{nowhere}.AAAA")  # of a process that there is not: it is tried, once
    async with run(**INTAKES) as flow:
        for number, address in enumerate(addresses):
            await flow.send(body(f"m-{number}"), reply_to=address)
        await flow.until(lambda: flow.counts("intake.letters")["taken"] == len(addresses))
        await flow.until(lambda: flow.bus.parts.intakes[0].idle)
        counts = flow.counts("intake.letters")
        reconnects = sum(link.reconnects for link in flow.bus.links() if link.name == "main.publish")
    assert (counts["given_back"], counts["quarantined"], counts["repeated"]) == (0, 0, 0)
    assert counts["receipts_refused"] == lost
    assert counts["receipts_unroutable"] + counts["receipts"] == 1
    assert reconnects == 0


async def test_a_receipt_comes_by_direct_reply_to(tmp_path: Path, vhost: Vhost) -> None:
    """To whoever asked, under an address that RabbitMQ made."""
    async with running(tmp_path, table_of(vhost), **INTAKES) as flow:
        (receipt,) = await asyncio.to_thread(asked_directly, vhost)
        assert flow.counts("intake.letters")["receipts_refused"] == 0
    assert Receipt.model_validate_json(receipt).message_id == "m-1"


def asked_directly(vhost: Vhost) -> list[bytes]:
    got: list[bytes] = []
    with vhost.channel() as channel:
        channel.basic_consume("amq.rabbitmq.reply-to", lambda *given: got.append(given[3]), auto_ack=True)
        channel.basic_publish("", NAMES.intake, body(), pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
        ends = time.monotonic() + PATIENCE
        while not got and time.monotonic() < ends:
            channel.connection.process_data_events(time_limit=0.2)
    return got


async def test_a_sender_reaches_only_the_queues_that_the_settings_allow(run: Run) -> None:
    """Of nobody else: not another intake's, an agency's, or one beside the pattern; refusals are told once."""
    intakes = {
        "letters": {"kind": "amqp", "reply_to": ["portal.*", "desk"], "direct_reply_to": False},
        "calls": {"kind": "amqp", "queue": "portal.calls", "dead_letters": "portal.dead"},
    }
    sources = {"address": {"connector": "amqp", "queue": "portal.address", "format": "json"}}
    refused = [
        "other",
        "portal",
        "portal.calls",
        "portal.dead",
        "portal.address",
        "amq.rabbitmq.reply-to.g1h2AA==.AA==",
    ]
    allowed = ["portal.receipts", "desk"]
    with capture_logs() as logs:
        async with run(intakes=intakes, sources=sources) as flow:
            inboxes = [await flow.inbox(name) for name in allowed]
            for name in refused[:-1]:
                await flow.broker.declare_queue(name)
            for number, address in enumerate([*refused, *allowed]):
                await flow.send(body(f"m-{number}"), reply_to=address)
            for inbox in inboxes:
                await inbox.wait(1)
            await flow.until(lambda: flow.counts("intake.letters")["receipts"] == len(allowed))
            await flow.until(lambda: flow.counts("intake.letters")["receipts_refused"] == len(refused))
            counts = flow.counts("intake.letters")
            left = [(await flow.broker.declare_queue(name, passive=True)).messages for name in refused[:-1]]
    assert left == [0] * len(left)
    assert (counts["receipts"], counts["receipts_refused"], counts["receipts_unroutable"]) == (2, len(refused), 0)
    assert [line["event"] for line in logs].count("amqp.receipt_refused") == 1
