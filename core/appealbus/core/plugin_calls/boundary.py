"""Calls of plugin code: the bus survives any error or hang of a plugin."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LONGEST = 0.5
"""Seconds: ten thousand times the usual, but less than the watchdog's limit."""
_TICK = 0.1
"""Seconds between two checks."""
_AGAIN = 0.001
"""Seconds until a call is interrupted again: it may be in a callback most of the time."""


class TookTooLong(BaseException):
    """A call was ended. Not an Exception, so that the called code does not handle it as its own error."""


class CallTimeout:
    """Ends calls in the main thread, where the event loop runs, that take longer than `LONGEST` seconds.

    A second thread watches the clock and sends the signal, so a call costs only two reads of a variable. C code that
    does not return is not interrupted; the watchdog handles that. Neither is a call that catches everything, as it is
    interrupted only once.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._interrupted: float | None = None
        self._hook = sys.unraisablehook
        self._watched = False
        os.register_at_fork(after_in_child=self._is_alone)

    def within(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call, and raise TookTooLong after the limit.

        There is no limit in other threads, within another such call, or if other code uses the signal.
        """
        if self._began is not None or threading.current_thread() is not _MAIN or not self._runs():
            return call(*args, **kwargs)
        self._began = time.monotonic()
        try:
            return call(*args, **kwargs)
        finally:
            self._began = self._interrupted = None

    def _runs(self) -> bool:
        if not self._watched and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, self._ring):
            signal.signal(signal.SIGALRM, self._ring)
            if sys.unraisablehook != self._unraisable:  # as in a forked process
                self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
            self._watched = True
            threading.Thread(target=self._watch, name="alarm", daemon=True).start()
        return self._watched

    def _is_alone(self) -> None:
        self._watched, self._began = False, None

    def _watch(self) -> None:
        while True:
            time.sleep(_TICK)
            # By then somebody else may have taken the signal; by default it would end the process.
            if self._is_late() and signal.getsignal(signal.SIGALRM) == self._ring:
                signal.pthread_kill(_MAIN.ident or 0, signal.SIGALRM)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_late():  # else that call has ended since
            self._interrupted, self._began = self._began, None
            raise TookTooLong

    def _unraisable(self, lost: "sys.UnraisableHookArgs") -> None:
        """Interrupt again what was in a callback of the interpreter, as `__del__`: exceptions end there."""
        if not isinstance(lost.exc_value, TookTooLong):
            self._hook(lost)
        elif self._interrupted is not None:
            self._began, self._interrupted = self._interrupted, None
            if signal.getsignal(signal.SIGALRM) == self._ring:
                signal.setitimer(signal.ITIMER_REAL, _AGAIN)

    def _is_late(self) -> bool:
        began = self._began
        return began is not None and time.monotonic() - began > LONGEST


_MAIN = threading.main_thread()
ALARM = CallTimeout()
"""The instance of the process."""

inside: ContextVar[str] = ContextVar("inside", default="")
"""The plugin whose code runs, which determines the threads used; empty for the bus itself."""
_MOMENT = 1.0
"""Seconds for cancelled plugin code to close its connections. A call that does not end delays the stop."""


def being_cancelled() -> bool:
    """Whether this task is being cancelled, as opposed to code that raises CancelledError by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_defect(error: BaseException) -> bool:
    """Whether an error is the plugin's defect, as opposed to an end requested by the bus.

    SystemExit always is. In an event loop KeyboardInterrupt and GeneratorExit are too, as a signal handler handles
    Ctrl-C there; so is CancelledError, unless this task is being cancelled.
    """
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | GeneratorExit):
        if asyncio._get_running_loop() is None:
            return False
        return not (isinstance(error, asyncio.CancelledError) and being_cancelled())
    return True


def entered(plugin: str) -> Context:
    """Return a context for a plugin's code."""
    context = copy_context()
    context.run(inside.set, plugin)
    return context


async def within(
    seconds: float | None, call: Callable[[], Awaitable[T]], plugin: str, left: Callable[[asyncio.Task[Any]], object]
) -> T:
    """Call a plugin in its own task; a call that ignores cancellation is abandoned to `left`.

    Without `seconds` it runs until this task is cancelled. Raises TimeoutError, and any error of the plugin: see
    `is_defect`.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(_kept(call), context=entered(plugin))
    # What `asyncio.wait` does, for one task, at half its cost: each question comes through here.
    over = loop.create_future()
    task.add_done_callback(partial(_end, over))
    timer = None if seconds is None else loop.call_later(seconds, _end, over)
    try:
        await over
    except asyncio.CancelledError:
        await _call_off(task, left)
        raise
    finally:
        if timer is not None:
            timer.cancel()
    if not task.done():
        await _call_off(task, left)
        if not task.done() or task.cancelled():
            raise TimeoutError
    result = task.result()
    if isinstance(result, _Raised):
        raise result.error
    return result


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


async def _kept(call: Callable[[], Awaitable[T]]) -> T | _Raised:
    try:
        return await call()
    except (SystemExit, KeyboardInterrupt) as error:
        return _Raised(error)  # a task that ended in one of these would end the whole loop


def _end(over: asyncio.Future[None], _task: asyncio.Task[Any] | None = None) -> None:
    if not over.done():
        over.set_result(None)


async def _call_off(task: asyncio.Task[Any], left: Callable[[asyncio.Task[Any]], object]) -> None:
    task.cancel()
    task.add_done_callback(_looked_at)
    try:
        await asyncio.wait((task,), timeout=_MOMENT)
    finally:
        if not task.done():
            left(task)


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception of an abandoned task, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
