"""What one client waits for beside a hostile one, compared with what it waits for alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import perf_counter
from typing import Any

FLOOR = 0.3
"""Seconds that count as nothing: a busy machine alone may take them."""


async def check_unharmed(
    ask: Callable[[], Awaitable[object]],
    hostile: Callable[[], AbstractAsyncContextManager[object]],
    *,
    requests: int = 10,
) -> None:
    """Hold the p99 of requests beside a hostile client to three times that alone, which is measured just before.

    Whoever is starved is so each time; what else a busy machine does is not there in all of three rounds.
    """
    await ask()
    seen = []
    for _ in range(3):
        alone = [await _seconds(ask) for _ in range(requests)]
        async with hostile():
            beside = [await _seconds(ask) for _ in range(requests)]
        seen.append((p99(alone), p99(beside)))
        if p99(beside) <= max(3 * p99(alone), FLOOR):
            return
    raise AssertionError(seen)


def p99(seconds: Sequence[float]) -> float:
    """Return the time that 99 of a hundred stay below."""
    return sorted(seconds)[min(len(seconds) - 1, len(seconds) * 99 // 100)]


async def _seconds(ask: Callable[[], Awaitable[object]]) -> float:
    began = perf_counter()
    await ask()
    return perf_counter() - began


@asynccontextmanager
async def busy_with(*work: Callable[[], Awaitable[Any]]) -> AsyncIterator[None]:
    """Have each of these done again and again as long as the block lasts, whatever comes of it."""

    async def again(one: Callable[[], Awaitable[Any]]) -> None:
        while True:
            await asyncio.gather(one(), return_exceptions=True)
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(again(one)) for one in work]
    try:
        await asyncio.sleep(0.3)  # until they have all that they can get
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
