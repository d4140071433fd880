"""What is set for the whole process of the program, and never by the library for others."""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

log = structlog.get_logger(__name__)

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""What glibc's malloc.h calls them."""
EXIT_STUCK = 5
"""The exit code of a process whose event loop stood still for too long."""
_CLOSING = 2.0
"""Seconds that what is left in the loop has for its end; all that must not be lost has ended before."""
_LEAVING = 3.0
"""Seconds from the end of all work to the end of the process: threads and `atexit` of plugins may hold it up."""


def relieve_collector() -> None:
    """Take what was loaded at start out of the garbage collector's sight, and let it look less often.

    A bus in full work makes and drops thousands of small objects an appeal, hardly any of them in a circle; with
    Python's defaults a quarter of its time went into walking over loaded modules and contracts again and again.
    Call it once, when everything is loaded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(25_000, 30, 100)


def spare_memory() -> None:
    """Have the C library give back at once what large messages took.

    Left to itself, glibc puts what is as large as something that was freed before into its heap, where it is kept in
    case another one comes: with messages of 4 MB the process has 120 MB more at its highest, and for long after it.
    Call it first of all.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 200_000)
        mallopt(_TRIM_THRESHOLD, 1_000_000)


def run_to_end(main: Coroutine[Any, Any, T], stray: Callable[[BaseException], None]) -> T:
    """Run a coroutine in a loop that nothing else ends.

    A task or a callback that a plugin has made by itself may raise SystemExit: asyncio would leave the loop over it, as
    it does where one stops the loop. That is told to `stray`. What does not end when the coroutine has is left behind,
    with its threads.
    """
    loop = asyncio.new_event_loop()
    try:
        task = loop.create_task(main)
        while True:
            try:
                return loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt, RuntimeError) as error:
                if task.done() or loop.is_closed() or (isinstance(error, KeyboardInterrupt) and _ctrl_c_raises()):
                    raise
                stray(error)
    finally:
        _close(loop)


def leave_within(code: int) -> None:
    """End the process with this code in a moment, whoever holds it up."""

    def leave() -> None:
        time.sleep(_LEAVING)
        log.warning("process.held_up", count=sum(not thread.daemon for thread in threading.enumerate()) - 1)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)

    threading.Thread(target=leave, name="leaving", daemon=True).start()


def _ctrl_c_raises() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _close(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    ending: list[Coroutine[Any, Any, Any]] = [asyncio.wait(tasks, timeout=_CLOSING)] if tasks else []
    for each in (*ending, asyncio.wait_for(loop.shutdown_asyncgens(), _CLOSING)):
        with contextlib.suppress(Exception, SystemExit):
            loop.run_until_complete(each)
    left = sum(not task.done() for task in tasks)
    if left:
        log.warning("process.left_behind", count=left)
    # Threads of plugins are not waited for, as asyncio.run would do.
    loop.close()
