"""What an appeal costs the event loop. Tasks and timers can be counted; how long they take depends on the machine."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import From, Taken
from tests.core.kit import lookup, message, running_bus

APPEALS = 20
BY_REPEATS = lookup("s.thing", x=From("repeats[*]"))


async def test_an_appeal_costs_few_tasks_and_timers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task for its arrival, one for its case, two for each question: one asks, and one runs the plugin's code.

    Two timers for each question, the case's time for it and the call's; one for the journal, where nobody waits for it.
    """
    loop = asyncio.get_running_loop()
    tasks, timers = Counter[str](), Counter[str]()
    create_task, call_at = loop.create_task, loop.call_at

    def counted_task(coro: Any, **more: Any) -> Any:
        tasks[coro.__qualname__] += 1
        return create_task(coro, **more)

    def counted_timer(when: float, callback: Any, *args: Any, **more: Any) -> Any:
        timers[getattr(callback, "__qualname__", "")] += 1
        return call_at(when, callback, *args, **more)

    async with running_bus(tmp_path, BY_REPEATS) as bus:
        await bus.accept(message("warm-up", repeats=["a", "b"]))
        await bus.settle()
        monkeypatch.setattr(loop, "create_task", counted_task)
        monkeypatch.setattr(loop, "call_at", counted_timer)
        for number in range(APPEALS):
            taken = await bus.accept(message(str(number), repeats=[f"{number}-1", f"{number}-2"]))
            assert isinstance(taken, Taken)
        await bus.settle()
        monkeypatch.undo()
    # What comes now and then, such as a heartbeat, comes less than once for each appeal.
    each = {name: count // APPEALS for name, count in tasks.items()}
    assert sum(each.values()) <= 6, each
    each = {name: count // APPEALS for name, count in timers.items()}
    assert sum(each.values()) <= 5, each
