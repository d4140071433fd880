"""A time limit for calls of plugins that have to be quick."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec, TypeVar

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
