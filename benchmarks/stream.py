"""FastStream with zeep: over httpx as zeep's documentation shows it, or over aiohttp."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from contract import IN, OUT, write_wsdl
from faststream import FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from requests import Response
from zeep import AsyncClient
from zeep.helpers import serialize_object
from zeep.transports import AsyncTransport
from zeep.wsdl.utils import etree_to_string

AMQP, URL, WINDOW, OVER = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


class OverAiohttp(AsyncTransport):
    """zeep's asynchronous transport with aiohttp under it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__()
        self.session = session

    async def post_xml(self, address: str, envelope: Any, headers: Any) -> Response:
        async with self.session.post(address, data=etree_to_string(envelope), headers=headers) as reply:
            response = Response()
            response._content = await reply.read()
            response.status_code = reply.status
            response.headers.update(reply.headers)
            response.encoding = reply.charset
            return response


async def main() -> None:
    broker = RabbitBroker(AMQP, default_channel=Channel(prefetch_count=WINDOW))
    limits = httpx.Limits(max_connections=WINDOW * 2, max_keepalive_connections=WINDOW * 2)
    async with httpx.AsyncClient(limits=limits, timeout=60) as http:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        transport = AsyncTransport(client=http) if OVER == "httpx" else OverAiohttp(session)
        with tempfile.TemporaryDirectory() as folder:
            client = AsyncClient(str(write_wsdl(Path(folder), URL)), transport=transport)
        service = client.service

        @broker.subscriber(RabbitQueue(IN, queue_type=QueueType.QUORUM, durable=True))
        @broker.publisher(RabbitQueue(OUT, queue_type=QueueType.QUORUM, durable=True), persist=True)
        async def enrich(appeal: dict[str, Any]) -> dict[str, Any]:
            number = appeal["message_id"]
            first, second = await asyncio.gather(service.GetRecord(id=number), service.GetRecord(id=f"{number}-1"))
            return {"appeal": appeal, "first": serialize_object(first), "second": serialize_object(second)}

        await FastStream(broker).run()
        await session.close()


asyncio.run(main())
