"""Settings of the whole process: made by the program `appealbus`, never by the library in a process of others."""

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
"""Names of two settings of `mallopt`, with the values that glibc's malloc.h gives them."""
EXIT_STUCK = 5
"""The exit code of a process whose event loop stood still for too long; see the table in docs/operating.md."""
_CLOSING = 2.0
"""Seconds that tasks have which are left in the loop at the very end. All that must not be lost has ended before; with
more, tasks of plugins that do not end delay the exit for longer."""
_LEAVING = 3.0
"""Seconds from the end of all work to the end of the process: threads and `atexit` handlers of plugins may delay it.
With less, an orderly exit on a busy machine would be cut off; with more, a supervisor waits for longer."""


def relieve_collector() -> None:
    """Exempt what was loaded at the start from garbage collection, and have the collector run less often.

    A bus in full work makes and drops thousands of small objects for an appeal, hardly any of them in a cycle.
    With Python's defaults a quarter of its time went into walking over loaded modules and contracts again and again.
    Call it once, when everything is loaded.
    """
    gc.collect()
    gc.freeze()
    collect_seldom()


def collect_seldom() -> None:
    """Have the collector run less often.

    What a command loads as it starts stays to its end. With Python's defaults an eighth of the start went into walking
    over it again and again. Call it before that is loaded.
    """
    gc.set_threshold(25_000, 30, 100)


def spare_memory() -> None:
    """Have the C library give the memory of large messages back to the system at once.

    By default glibc raises its thresholds after the first large block that is freed, and keeps the next ones in its
    heap: with messages of 4 MB the process then has 120 MB more at its highest, and for long after it.
    Call it first of all.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 200_000)
        mallopt(_TRIM_THRESHOLD, 1_000_000)


def run_to_end(main: Coroutine[Any, Any, T], stray: Callable[[BaseException], None]) -> T:
    """Run a coroutine in an event loop until it ends, whatever plugins do to the loop.

    A task or a callback that a plugin has made by itself may raise SystemExit, or stop the loop. asyncio would then end
    the loop; here the loop goes on, and `stray` is called with what was raised. Tasks and threads that do not end when
    the coroutine has ended are left behind. A copy of the process that one has forked ends where it would take part in
    the loop: it would take signals and replies away from its parent.
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
    """Start a process that does not hear Ctrl-C, which a terminal sends to all: whoever started it ends it."""
    from multiprocessing import resource_tracker  # most commands start none

    resource_tracker.ensure_running()  # begun later, it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        child.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_within(code: int) -> None:
    """End the process with this exit code in a few seconds, even if threads or exit handlers hold it up."""

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
