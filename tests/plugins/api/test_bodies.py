"""What a body costs while it is read."""

import asyncio
import tracemalloc

from starlette.requests import Request
from starlette.types import Message

from appealbus.plugins.api.bodies import Bodies

SIZE = 16 * 1024


async def test_small_parts_take_no_more_memory_than_their_bytes() -> None:
    """A body that comes byte by byte is held as what it counts for, and not as a list of its parts."""
    left = SIZE

    async def receive() -> Message:
        nonlocal left
        left -= 1
        await asyncio.sleep(0)  # the loop forgets its timers meanwhile
        return {"type": "http.request", "body": b"x", "more_body": left > 0}

    bodies = Bodies(patience=60)
    tracemalloc.start()
    try:
        async with bodies.read(Request({"type": "http", "headers": []}, receive), SIZE) as raw:
            _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert raw == b"x" * SIZE
    assert most < 16 * SIZE
    assert not bodies._share.held("")
