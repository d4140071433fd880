"""The delivery `amqp`: confirmed versions with what receivers choose by, and honest about what did not arrive."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from appealbus.connectors.broker.broker import Message, Published
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import Inbound, LinkState, LinkStatus, Taken
from appealbus.core.bus.service_view import checks
from appealbus.core.journal import figures
from appealbus.core.journal import state as journal_state
from appealbus.core.journal.appeals import cases
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries
from appealbus.schemas import Completeness, Dossier
from tests.connectors.amqp.flow.flows import NAMES, PATIENCE, Inbox, Run, body, running, table_of
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Vhost

PARTS = {"intakes": {"letters": {"kind": "amqp"}}, "deliveries": {"register": {"kind": "amqp"}}}
KATO = "271010000"


async def test_a_dossier_leaves_with_all_that_its_receiver_needs_to_know(run: Run) -> None:
    """State and region in the routing key; number, version, completeness and schema in the headers; a stable id."""
    async with run(**PARTS) as flow:
        mine = await flow.inbox("uralsk", NAMES.out, "dossier.*.27")
        await flow.inbox("all", NAMES.out)
        await flow.send(body(addressee={"name": "Аким", "kato": KATO}))
        (message,) = await mine.wait(1)
        async with asyncio.timeout(PATIENCE):
            await flow.bus.settle(parked=True)
        outbox = (await flow.bus.journal.ask(figures.counts)).outbox
    dossier = Dossier.model_validate_json(message.body)
    assert (message.exchange, message.routing_key) == (NAMES.out, "dossier.complete.27")
    told = message.properties
    assert (told.message_id, told.content_type, told.type) == (dossier.message_id, "application/json", "dossier")
    assert told.persistent
    assert told.timestamp
    assert {name: value for name, value in told.headers.items() if ":" not in name} == {
        "number": dossier.number,
        "version": 1,
        "epoch": 1,
        "completeness": "complete",
        "region": "27",
        "schema_version": "1",
    }
    assert outbox == {}


@pytest.mark.proof
async def test_what_nobody_is_bound_for_waits_in_the_outbox(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its code; it arrives once somebody is, and other versions of the batch are not held up."""
    monkeypatch.setattr("appealbus.core.bus.delivery.relay._BACKOFF_MAX", 0.2)
    async with run(**PARTS) as flow:
        almaty = await flow.inbox("almaty", NAMES.out, "dossier.*.75")
        await flow.send(body("m-1"))
        await flow.send(body("m-2", place={"kato": "751110000"}))
        await almaty.wait(1)

        async def told() -> bool:
            return await last_error(flow.bus) == "unroutable"

        await flow.until(told)
        late = await flow.inbox("late", NAMES.out, "dossier.*.00")
        (message,) = await late.wait(1)
    assert message.routing_key == "dossier.complete.00"


async def last_error(bus: Any) -> str | None:
    from sqlalchemy import text

    error: str | None = await bus.journal.ask(
        lambda connection: connection.scalar(text("SELECT last_error FROM outbox WHERE last_error IS NOT NULL"))
    )
    return error


@pytest.mark.proof
async def test_what_may_have_arrived_is_sent_again_under_the_same_id(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver knows it by the message id."""
    monkeypatch.setattr("appealbus.core.bus.delivery.relay._BACKOFF_MAX", 0.2)
    async with run(**PARTS) as flow:
        got = await flow.inbox("all", NAMES.out)
        publish, lost = flow.broker.publish_all, [2]

        async def unsure(messages: Sequence[Message], **given: Any) -> list[Published]:
            results = await publish(messages, **given)
            if messages[0].exchange == NAMES.out and lost[0]:
                lost[0] -= 1
                return [Published.INDETERMINATE] * len(results)
            return results

        monkeypatch.setattr(flow.broker, "publish_all", unsure)
        await flow.send(body())
        messages = await got.wait(3)
    assert len({message.properties.message_id for message in messages}) == 1
    assert len({message.body for message in messages}) == 1


@pytest.mark.proof
@pytest.mark.parametrize("limit", ["ours", "theirs"])
async def test_a_dossier_too_large_for_the_broker_waits_alone(tmp_path: Path, vhost: Vhost, limit: str) -> None:
    """By our own limit or by the broker's, which closes the channel over it; the others go out."""
    size = 20_000 if limit == "ours" else 17 * 1024 * 1024
    table = {**table_of(vhost), "largest_message": 10_000 if limit == "ours" else 64 * 1024 * 1024}
    async with running(tmp_path, table, **PARTS) as flow:
        got = await flow.inbox("all", NAMES.out)
        large = await flow.bus.accept(Inbound("test", "test", body("m-0")))
        assert isinstance(large, Taken)
        await got.wait(1)
        appeal = await flow.bus.journal.ask(cases.case, large.receipt.number)
        assert appeal is not None
        await flow.bus.journal.conclude(
            Conclusion(
                appeal.appeal_id,
                dossier=b" " * size,
                version=2,
                completeness=Completeness.COMPLETE,
                receivers=["register"],
                due_at=None,
            )
        )
        for number in range(1, 10):
            await flow.send(body(f"m-{number}"))
        await got.wait(10)

        async def told() -> bool:
            return [(row.version, row.reason) for row in await flow.bus.journal.ask(deliveries.deliveries)] == [
                (2, "unfit")
            ]

        await flow.until(told)
        async with asyncio.timeout(PATIENCE):
            await flow.bus.settle(parked=True)


@pytest.mark.proof
async def test_a_full_queue_makes_the_others_get_little_again(
    tmp_path: Path, vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one of two queues refuses, the other one has: it is tried again one at a time, until there is room."""
    monkeypatch.setattr("appealbus.core.bus.delivery.relay._BACKOFF_MAX", 0.05)
    with vhost.channel() as channel:
        channel.exchange_declare(NAMES.out, "topic", durable=True)
        limits = {"x-queue-type": "quorum", "x-max-length": 5, "x-overflow": "reject-publish"}
        channel.queue_declare("full", durable=True, arguments=limits)
        channel.queue_bind("full", NAMES.out, "#")
    async with running(tmp_path, table_of(vhost), **PARTS) as flow:
        good = await flow.inbox("good", NAMES.out)
        for number in range(60):
            await flow.send(body(f"m-{number}"))
        # By what is in it: one that came twice must not stand for one that is still being enriched.
        await flow.until(lambda: len({message.properties.message_id for message in good.got}) == 60)
        relay = flow.bus.relays[0]
        before, came = relay.results["failed"], len(good.got)
        await flow.until(lambda: relay.results["failed"] > before + 150)
        assert len(good.got) - came < 60
        full = Inbox()
        await flow.broker.consume("full", full.take, prefetch=10)
        async with asyncio.timeout(PATIENCE):
            await flow.bus.settle(parked=True)
        assert len({message.properties.message_id for message in full.got}) == 60


@pytest.mark.proof
async def test_what_no_receiver_is_bound_for_is_told_where_connections_are(tmp_path: Path, vhost: Vhost) -> None:
    """By the delivery's own state, until a queue takes it; the bus is degraded and not unready."""
    async with running(tmp_path, table_of(vhost), **PARTS) as flow:
        await flow.send(body())

        def state() -> LinkState:
            return next(link for link in flow.bus.links() if link.name == "delivery.register")

        await flow.until(lambda: state().warning)
        assert "for dossier.complete.00; these dossiers wait" in state().detail
        (check,) = [
            each
            for each in await checks(flow.bus, partial(flow.bus.journal.do, journal_state.Probe()))
            if each.name == "delivery.register"
        ]
        assert (check.ok, check.needed) == (False, False)
        got = await flow.inbox("all", NAMES.out)
        await got.wait(1)
        await flow.until(lambda: not state().warning)


@pytest.mark.proof
async def test_a_broker_that_is_away_stops_nobody(tmp_path: Path, vhost: Any) -> None:
    """Neither the start nor other receivers; links tell; what waited arrives when it is there."""
    parts = {**PARTS, "deliveries": {**PARTS["deliveries"], "file": {"kind": "files", "path": str(tmp_path / "out")}}}
    with vhost.channel() as channel:
        channel.queue_declare("all", durable=True)
    with FaultProxy(vhost.port) as proxy:
        proxy.refuse()
        table = {**table_of(vhost), "hosts": [f"127.0.0.1:{proxy.port}"]}
        async with running(tmp_path, table, up=False, work={"kind": "amqp"}, **parts) as flow:
            await flow.bus.accept(Inbound("test", "test", body()))
            await flow.until(lambda: (tmp_path / "out").exists() and (tmp_path / "out").stat().st_size)

            async def waits() -> bool:
                return await last_error(flow.bus) == "unreachable"

            await flow.until(waits)
            assert {state.status for state in flow.bus.links() if state.name.startswith("main")} != {LinkStatus.UP}
            proxy.heal()
            await flow.prepare()
            got = await flow.inbox("all", NAMES.out)
            await got.wait(1)
            await flow.send(body("m-2"))
            await got.wait(2)
            await flow.until(lambda: all(state.status is LinkStatus.UP for state in flow.bus.links()))


def test_a_broker_that_is_not_configured_is_an_error_in_words(tmp_path: Path) -> None:
    """With the place in the file."""
    from appealbus.core import ConfigError
    from appealbus.core.config.loading import load
    from appealbus.core.loading.parts import build, load_plugins

    file = tmp_path / "appealbus.toml"
    file.write_text('[deliveries.out]\nkind = "amqp"\nbroker = "mian"\n\n[work]\nkind = "amqp"\nbroker = "other"\n')
    loaded = load(file, {})
    with pytest.raises(ConfigError) as caught:
        build(loaded, load_plugins(loaded))
    first, second = str(caught.value).splitlines()
    assert "appealbus.toml:1: deliveries.out: there is no broker 'mian'; write one of main" in first
    assert "appealbus.toml:5: work: there is no broker 'other'" in second
    assert BrokerSettings().hosts == []
