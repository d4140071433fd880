"""The tasks of the parts of a bus: started again where they raise, and ended phase by phase."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from appealbus.core.bus import tasks
from appealbus.core.bus.tasks import PartTasks, Phase
from tests.services.processes import PATIENCE


async def _soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_phase_ends_alone() -> None:
    """Only the tasks of the phases that are cancelled end, and they can be waited for; the end cancels the rest."""
    parts, ended = PartTasks(Counter()), list[str]()
    running = 0

    async def run(name: str) -> None:
        nonlocal running
        running += 1
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    for phase in Phase:
        parts.start(phase.name, lambda name=phase.name: run(name), phase)  # type: ignore[misc]
    await _soon(lambda: running == len(Phase))
    parts.cancel(Phase.INTAKES, Phase.TAKING)
    await parts.wait(Phase.INTAKES, PATIENCE)
    await parts.wait(Phase.TAKING, PATIENCE)
    assert sorted(ended) == ["INTAKES", "TAKING"]
    await parts.end(PATIENCE)
    assert ended[2:] == ["LAST"]


async def test_a_part_that_was_cancelled_stays_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that raises starts again, and each time is counted; once the bus has cancelled it, it stays ended."""
    monkeypatch.setattr(tasks, "RESTART", 0.01)
    defects = Counter[str]()
    parts, runs = PartTasks(defects), 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError
        await asyncio.sleep(60)

    parts.start("service.raises", run, Phase.TAKING)
    await _soon(lambda: runs == 3)
    (trouble,) = parts.troubles()
    told = (trouble.name, trouble.detail, trouble.event)
    assert told == ("service.raises", "it raised ValueError", "service.raised")
    monkeypatch.setattr(tasks, "_MENDED", 0.0)
    assert parts.troubles() == []
    parts.cancel(Phase.TAKING)
    await parts.wait(Phase.TAKING, PATIENCE)
    await asyncio.sleep(0.05)
    assert (runs, defects) == (3, {"service.raises": 2})


async def test_a_part_that_cancels_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts again, as one that raises does."""
    monkeypatch.setattr(tasks, "RESTART", 0.01)
    parts, runs = PartTasks(Counter[str]()), 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            asyncio.current_task().cancel()  # type: ignore[union-attr]
        await asyncio.sleep(60)

    parts.start("service.ends", run, Phase.TAKING)
    await _soon(lambda: runs == 2)
    assert [(each.name, each.detail) for each in parts.troubles()] == [
        ("service.ends", "it has cancelled its own task")
    ]
    parts.cancel(Phase.TAKING)
    await parts.wait(Phase.TAKING, PATIENCE)


async def test_a_part_that_raises_over_its_end_stays_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose clean-up fails is counted and does not begin anew in the middle of the stop."""
    monkeypatch.setattr(tasks, "RESTART", 0.01)
    defects = Counter[str]()
    parts, runs = PartTasks(defects), 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("the connection is gone already")

    parts.start("intake.careless", run, Phase.INTAKES)
    await _soon(lambda: runs == 1)
    parts.cancel(Phase.INTAKES)
    async with asyncio.timeout(PATIENCE):
        await parts.wait(Phase.INTAKES, 3600)
    assert (runs, defects) == (1, {"intake.careless": 1})
    await parts.end(PATIENCE)


async def test_a_wait_for_a_phase_without_tasks_or_without_an_end_is_bounded() -> None:
    """Nothing to wait for is over at once; what does not end is waited for as long as was said."""
    parts, go_on = PartTasks(Counter()), asyncio.Event()
    await parts.wait(Phase.INTAKES, 60)
    started = asyncio.Event()

    async def stubborn() -> None:
        started.set()
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue

    parts.start("intake.stubborn", stubborn, Phase.INTAKES)
    await started.wait()
    parts.cancel(Phase.INTAKES)
    async with asyncio.timeout(PATIENCE):
        await parts.wait(Phase.INTAKES, 0.05)
    go_on.set()
    await parts.end(PATIENCE)
