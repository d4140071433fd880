"""Processes that the program starts beside itself."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context

import pytest

from appealbus.core.process.runtime import start_child


def test_ctrl_c_is_for_who_started_it() -> None:
    """A process that is just being started goes on, whatever a terminal sends to all; and here it is heard again."""
    child = get_context("spawn").Process(target=time.sleep, args=(30,), daemon=True)
    start_child(child)
    try:
        for _ in range(8):
            assert child.pid is not None
            os.kill(child.pid, signal.SIGINT)
            time.sleep(0.1)
        assert child.is_alive()
    finally:
        child.kill()
        child.join()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


FORKS = """
import asyncio, os, signal
from appealbus.core.process.runtime import run_to_end

async def main():
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    asyncio.get_running_loop().call_soon(os.write, 1, b"once ")
    copy = os.fork()
    await asyncio.sleep(0)
    if copy:
        os.write(1, b"%d " % os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]))
        os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(told.wait(), 20)
    os.write(1, b"told")

run_to_end(main(), print)
"""


def test_a_copy_that_a_plugin_forks_takes_no_part_in_the_loop() -> None:
    """It ends where it would, and the signals and calls of its parent are its parent's."""
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == (b"once 1 told", 0), done.stderr


@pytest.mark.proof
def test_a_copy_that_a_plugin_forks_ends_by_signals() -> None:
    """And not its parent in its place."""
    code = FORKS.replace("copy = os.fork()", "copy = os.fork()\n    copy or (os.write(1, b'here '), signal.pause())")
    code = code.replace("if copy:", "if copy:\n        await asyncio.sleep(1); os.kill(copy, signal.SIGTERM)")
    code = code.replace(
        "os.kill(os.getpid(), signal.SIGTERM)", "await asyncio.sleep(0.5); assert not told.is_set(); told.set()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.stdout.split() in ([b"once", b"here", b"-15", b"told"], [b"here", b"once", b"-15", b"told"]), (
        done.stderr
    )
