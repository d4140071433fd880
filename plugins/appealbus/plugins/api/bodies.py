"""Bodies of requests: bounded in size, in time, and all together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from appealbus.core.fair_share import FairShare, requester
from appealbus.plugins.api.problems import TOO_LARGE, TOO_SLOW, WRONG_MEDIA_TYPE, Problem, unavailable

MAX_SEARCH = 64 * 1024
"""Bytes of the body of a search: it has a number and a few words."""
_ALL = 64 * 1024 * 1024
"""Bytes of all bodies that are held at a time: sixteen of the largest, of which one sender alone has eight. With more,
a flood fills the memory."""
_SLOWEST = 32 * 1024
"""Bytes a second that a client sends at least, after its patience is over: the largest message takes two minutes."""


def media_type_of(request: Request) -> str:
    """Return what the body of a request is, as its head says; empty where it does not."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class Bodies:
    """Reads bodies."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._share = FairShare(_ALL)

    @asynccontextmanager
    async def read(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """Read the body of a request, and hold it until it is done with.

        Raises:
            Problem: it has more bytes than the most, takes too long, is packed, or too much of its sender is held.

        """
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Problem(WRONG_MEDIA_TYPE, "the body is packed; send it as it is")
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > most:
            raise Problem(TOO_LARGE, f"the body has more than {most} bytes")
        body = bytearray()  # a list of parts would hold many times as much where they are small
        who, size = requester.get(), 0
        try:
            async for part in self._parts(request):
                if not self._share.take(who, len(part)):
                    raise unavailable("the server holds as many bytes of this sender as it takes")
                size += len(part)
                body += part
                if size > most:
                    raise Problem(TOO_LARGE, f"the body has more than {most} bytes")
            raw = bytes(body)
            body.clear()
            yield raw
        finally:
            if size:
                self._share.give_back(who, size)

    async def _parts(self, request: Request) -> AsyncIterator[bytes]:
        """Give the parts of a body as they come; whoever sends too slowly, or has gone, is told so."""
        clock = asyncio.get_running_loop().time
        ends = clock() + self._patience
        parts = aiter(request.stream())
        while True:
            try:
                async with asyncio.timeout_at(ends):
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except (TimeoutError, ClientDisconnect):
                raise Problem(TOO_SLOW, "the body did not come in time", headers={"Connection": "close"}) from None
            ends += len(part) / _SLOWEST
            yield part
