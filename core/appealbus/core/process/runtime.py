"""Process-wide settings: applied by the program `appealbus`, never when used as a library."""

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
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

T = TypeVar("T")

log = structlog.get_logger(__name__)

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Constants of `mallopt`, from glibc's malloc.h."""
EXIT_STUCK = 5
"""Exit code after the event loop was blocked for too long; see docs/operating.md."""
_CLOSING = 2.0
"""Seconds for tasks that remain in the loop at the very end. Essential ones have ended before."""
_LEAVING = 3.0
"""Seconds for threads and `atexit` handlers of plugins at the end of the process, even on a busy machine."""


def relieve_collector() -> None:
    """Exempt everything loaded at the start from garbage collection, and collect less often.

    A busy bus creates thousands of short-lived objects per appeal, hardly any in a cycle. With Python's defaults a
    quarter of its time went into scanning loaded modules and contracts. Call it once, after loading.
    """
    gc.collect()
    gc.freeze()
    collect_seldom()


def collect_seldom() -> None:
    """Collect garbage less often.

    What a command loads stays to its end. With Python's defaults scanning it took an eighth of the start. Call it
    before loading.
    """
    gc.set_threshold(25_000, 30, 100)


def spare_memory() -> None:
    """Make the C library return the memory of large messages at once.

    By default glibc raises its thresholds after the first large block is freed, and keeps later ones in its heap:
    messages of 4 MB then raise memory use by 120 MB for long. Call it first of all.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 200_000)
        mallopt(_TRIM_THRESHOLD, 1_000_000)


def run_to_end(main: Coroutine[Any, Any, T], stray: Callable[[BaseException], None]) -> T:
    """Run a coroutine in an event loop to its end, whatever plugins do to the loop.

    A plugin's own task or callback may raise SystemExit or stop the loop. asyncio would then end the loop; here it goes
    on, and `stray` gets the error. Tasks and threads still running at the end are abandoned. A forked copy of the
    process exits before it enters the loop, where it would take signals and replies from its parent.
    """
    loop = asyncio.new_event_loop()
    process = os.getpid()
    os.register_at_fork(after_in_child=partial(_stay_out, loop))
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
        if os.getpid() != process:
            os._exit(1)
        _close(loop)


def _stay_out(loop: Any) -> None:
    if not loop.is_closed():
        signal.set_wakeup_fd(-1)  # else the parent gets the copy's signals
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        loop._ready.clear()
        loop._selector.close()


def start_child(child: "BaseProcess") -> None:
    """Start a process that ignores Ctrl-C, which a terminal sends to all; its starter ends it."""
    from multiprocessing import resource_tracker  # most commands start none

    resource_tracker.ensure_running()  # begun later, it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        child.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_within(code: int) -> None:
    """Exit with this code in a few seconds, even if threads or exit handlers block."""

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
    for work in (*ending, asyncio.wait_for(loop.shutdown_asyncgens(), _CLOSING)):
        with contextlib.suppress(Exception, SystemExit):
            loop.run_until_complete(work)
    left = sum(not task.done() for task in tasks)
    if left:
        log.warning("process.left_behind", count=left)
    # Threads of plugins are not waited for, as asyncio.run would do.
    loop.close()
