"""Threads of plugins: bounded, and each plugin has its own."""

import asyncio
import threading

import pytest

from appealbus.core.plugin_calls.boundary import entered
from appealbus.core.plugin_calls.threads import THREADS, WAITING, NoThread, PluginThreads
from tests.services.processes import PATIENCE


async def test_a_plugin_that_blocks_its_threads_blocks_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own calls wait, up to a bound; others and the bus itself have theirs, and the end waits for nobody."""
    let_go = threading.Event()
    running = 0

    def block() -> None:
        nonlocal running
        running += 1
        let_go.wait(60)

    loop = asyncio.get_running_loop()
    threads = PluginThreads()
    loop.set_default_executor(threads)
    bad, good = entered("bad"), entered("good")
    blocked = [bad.run(loop.run_in_executor, None, block) for _ in range(THREADS)]
    try:
        async with asyncio.timeout(PATIENCE):
            while running < THREADS:
                await asyncio.sleep(0.01)
            blocked += [bad.run(loop.run_in_executor, None, block) for _ in range(WAITING)]
            assert await good.run(loop.run_in_executor, None, lambda: "done") == "done"
            assert await asyncio.to_thread(lambda: "done") == "done"
            with pytest.raises(NoThread, match="plugin bad"):
                bad.run(loop.run_in_executor, None, block)
            blocked[-1].cancel()
            await asyncio.sleep(0)
            blocked.append(bad.run(loop.run_in_executor, None, block))  # one that gave up has left its place
        assert running == THREADS
        threads.shutdown(wait=True)
    finally:
        let_go.set()
    await asyncio.wait(blocked, timeout=30)
    with pytest.raises(ValueError, match="its own"):
        await good.run(loop.run_in_executor, None, _raise)


def _raise() -> None:
    raise ValueError("its own")
