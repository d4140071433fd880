"""Hand-written to the bone: pika, aiohttp and lxml. Nothing is validated, nothing is written down."""

import asyncio
import json
import sys
from typing import Any

import aiohttp
import pika
from contract import IN, OUT, request
from lxml import etree
from pika.adapters.asyncio_connection import AsyncioConnection

AMQP, URL, WINDOW = sys.argv[1], sys.argv[2], int(sys.argv[3])
LASTING = pika.BasicProperties(delivery_mode=2)


class Bone:
    """Consume, ask twice, publish, wait for the confirm, acknowledge."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.published: dict[int, int] = {}
        self.tag = 0
        self.tasks: set[asyncio.Task[None]] = set()
        AsyncioConnection(pika.URLParameters(AMQP), on_open_callback=self.opened)

    def opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self.ready)

    def ready(self, channel: Any) -> None:
        self.channel = channel
        channel.confirm_delivery(self.confirmed)
        channel.basic_qos(prefetch_count=WINDOW)
        channel.basic_consume(IN, self.arrived)

    def arrived(self, _channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self.work(method.delivery_tag, body))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def work(self, delivery: int, body: bytes) -> None:
        appeal = json.loads(body)
        number = appeal["message_id"]
        first, second = await asyncio.gather(self.ask(number), self.ask(f"{number}-1"))
        told = json.dumps({"appeal": appeal, "first": first, "second": second}).encode()
        self.channel.basic_publish("", OUT, told, LASTING)
        self.tag += 1
        self.published[self.tag] = delivery

    async def ask(self, record_id: str) -> dict[str, str | None]:
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        async with self.session.post(URL, data=request(record_id), headers=headers) as response:
            root = etree.fromstring(await response.read())
        return {etree.QName(field).localname: field.text for field in root[0][0]}

    def confirmed(self, frame: Any) -> None:
        upto = frame.method.delivery_tag
        tags = [tag for tag in self.published if tag <= upto] if frame.method.multiple else [upto]
        for tag in tags:
            self.channel.basic_ack(self.published.pop(tag))


async def main() -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        bone = Bone(session)
        await asyncio.Event().wait()
        del bone


asyncio.run(main())
