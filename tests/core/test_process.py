"""Processes that the program starts beside itself."""

import os
import signal
import time
from multiprocessing import get_context

from appealbus.core.process import start_child


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
