"""Hand-written to the bone: aiohttp and lxml."""

import asyncio
import json
import sys

import aiohttp
from contract import request
from harness import in_window, measure
from lxml import etree

URL, COUNT, WINDOW = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main() -> None:
    out: list[bytes] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:

        async def ask(record_id: str) -> dict[str, str | None]:
            headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
            async with session.post(URL, data=request(record_id), headers=headers) as response:
                root = etree.fromstring(await response.read())
            return {etree.QName(field).localname: field.text for field in root[0][0]}

        async def one(appeal: dict[str, object]) -> None:
            number = str(appeal["message_id"])
            first, second = await asyncio.gather(ask(number), ask(f"{number}-1"))
            out.append(json.dumps({"appeal": appeal, "first": first, "second": second}).encode())

        await measure(lambda items, window: in_window(items, window, one), COUNT, WINDOW)


asyncio.run(main())
