"""What the contenders share: drive an async function over many appeals and tell what it cost."""

import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

WARM_UP = 100
SEQUENTIAL = 30


def appeals(count: int, offset: int = 0) -> list[dict[str, object]]:
    """Return appeals as they come from a queue."""
    return [
        {
            "message_id": f"m-{i + offset}",
            "kind": "application",
            "applicant": {
                "type": "person",
                "surname": "ТЕСТОВ",
                "name": "ТЕСТ",
                "document_number": f"{i + offset:09d}",
            },
            "text": "Прошу рассмотреть вопрос о предоставлении земельного участка. " * 5,
            "repeats": [f"{i + offset}-1"],
        }
        for i in range(count)
    ]


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(work: Callable[[list[dict[str, object]], int], Awaitable[None]], count: int, window: int) -> None:
    """Run the work: once to warm up, then many at once, then one by one; print the figures as JSON."""
    await work(appeals(WARM_UP), window)
    started, cpu = time.perf_counter(), _cpu()
    await work(appeals(count, 10**6), window)
    seconds, cpu = time.perf_counter() - started, _cpu() - cpu
    single = []
    for item in appeals(SEQUENTIAL, 10**7):
        started = time.perf_counter()
        await work([item], 1)
        single.append(time.perf_counter() - started)
    figures = {
        "per_second": count / seconds,
        "cpu_ms": cpu / count * 1000,
        "single_ms": statistics.median(single) * 1000,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    json.dump(figures, sys.stdout)


async def in_window(
    items: list[dict[str, object]], window: int, one: Callable[[dict[str, object]], Awaitable[None]]
) -> None:
    """Work all items, at most `window` at once."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await one(item)

    await asyncio.gather(*(worker() for _ in range(min(window, len(items)))))
