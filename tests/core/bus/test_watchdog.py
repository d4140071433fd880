"""The watchdog: a loop that stands still is named, and ended past its lease; a process that was stopped is not."""

import asyncio
import signal
from pathlib import Path
from textwrap import dedent

import pytest

from appealbus.core.process.runtime import EXIT_STUCK
from tests.services import scripts
from tests.services.processes import PATIENCE
from tests.services.scripts import Script

STUCK = Path(__file__).with_name("stuck.py")
PLUGIN = """
    import time
    from typing import Annotated, Literal
    from appealbus.core import From, Lookup, Query, found, hookimpl
    from appealbus.schemas import Record

    class Nothing(Record):
        type: Literal["holds.Nothing"] = "holds.Nothing"

    class Seconds(Query):
        seconds: Annotated[float, From("number")]

    class Holds(Lookup[Seconds, Nothing]):
        name = "holds.loop"
        purpose = "a test"

        async def ask(self, query, source):
            hold(query.seconds)
            return found(Nothing())

    def hold(seconds):
        time.sleep(seconds)

    @hookimpl
    def register_lookups():
        return [Holds()]
"""


async def held(folder: Path, *, lease: float, seconds: float, grace: float = 60, tasks: int = 0) -> Script:
    plugin = folder / "holds.py"
    plugin.write_text(dedent(PLUGIN))
    process = await scripts.start(STUCK, plugin, lease, seconds, grace, tasks)
    async with asyncio.timeout(PATIENCE):
        while await process.stdout.readline() != b"asking\n":
            pass
    return process


async def told(process: Script) -> str:
    async with asyncio.timeout(PATIENCE):
        return (await process.communicate())[0].decode()


@pytest.mark.proof
async def test_who_holds_the_loop_is_counted(tmp_path: Path) -> None:
    """By the plugin, for as long as it lasts, and it is told with part and line."""
    text = await told(await held(tmp_path, lease=30, seconds=1.9))
    assert "{'holds': 2}" in text
    assert '"part": "lookup.holds.loop"' in text
    assert "loop.stood_still" in text
    assert "appealbus_inline_holds:" in text


@pytest.mark.proof
async def test_one_that_lasts_past_the_lease_ends_the_process(tmp_path: Path) -> None:
    """With an exit code of its own and the plugin's name, although the loop never comes back."""
    process = await held(tmp_path, lease=2, seconds=60)
    assert "loop.given_up" in await told(process)
    assert process.returncode == EXIT_STUCK


@pytest.mark.proof
async def test_a_process_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """A machine that slept held no loop: nobody's time passed."""
    process = await held(tmp_path, lease=2, seconds=0.1)
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(3.5)  # what is tested is that this time does not count
    process.send_signal(signal.SIGCONT)
    assert "loop.given_up" not in await told(process)
    assert process.returncode == 0


@pytest.mark.proof
async def test_a_stop_that_takes_too_long_is_cut_off(tmp_path: Path) -> None:
    """With the same exit code, whatever holds it up."""
    process = await held(tmp_path, lease=30, seconds=60, grace=-24)
    assert "bus.cut_off" in await told(process)
    assert process.returncode == EXIT_STUCK


@pytest.mark.proof
async def test_a_loop_that_crawls_with_tasks_ends_the_process(tmp_path: Path) -> None:
    """Although it moves now and again; who leaks fewer is counted as ever."""
    process = await held(tmp_path, lease=30, seconds=0.1, tasks=101_000)
    assert '"count": 1010' in await told(process)
    assert process.returncode == EXIT_STUCK
