"""The usual way: zeep's asynchronous client over httpx, as its documentation shows."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import httpx
from contract import write_wsdl
from harness import in_window, measure
from zeep import AsyncClient
from zeep.helpers import serialize_object
from zeep.transports import AsyncTransport

URL, COUNT, WINDOW = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main() -> None:
    out: list[bytes] = []
    limits = httpx.Limits(max_connections=WINDOW * 2, max_keepalive_connections=WINDOW * 2)
    async with httpx.AsyncClient(limits=limits, timeout=60) as http:
        with tempfile.TemporaryDirectory() as folder:
            client = AsyncClient(str(write_wsdl(Path(folder), URL)), transport=AsyncTransport(client=http))
        service = client.service

        async def one(appeal: dict[str, object]) -> None:
            number = str(appeal["message_id"])
            first, second = await asyncio.gather(service.GetRecord(id=number), service.GetRecord(id=f"{number}-1"))
            record = {"appeal": appeal, "first": serialize_object(first), "second": serialize_object(second)}
            out.append(json.dumps(record, default=str).encode())

        await measure(lambda items, window: in_window(items, window, one), COUNT, WINDOW)


asyncio.run(main())
