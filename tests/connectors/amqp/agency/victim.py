"""A bus of its own process that asks an agency on RabbitMQ: for tests that kill it at a failpoint."""

import asyncio
import sys
from pathlib import Path

import orjson

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.settings import AmqpSettings
from appealbus.core import Inbound
from tests.connectors.amqp.agency.queue_agency import asking_bus, settings_at


async def main(folder: str, port: str, vhost: str, appeal: str) -> None:
    brokers = Brokers(AmqpSettings(brokers={"main": settings_at(int(port), vhost)}))
    async with asking_bus(Path(folder), brokers, answers=True) as bus:
        body = {"message_id": appeal, "kind": "complaint", "applicant": {"type": "person"}, "repeats": ["1"]}
        await bus.accept(Inbound("test", appeal, orjson.dumps(body)))
        await asyncio.sleep(60)


asyncio.run(main(*sys.argv[1:]))
