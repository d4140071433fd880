"""An end to calls that have to be quick, where a plugin makes one that is not."""

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LONGEST = 0.5
"""Seconds: ten thousand times what such a call has, and before the watchdog calls it standing still."""
_TICK = 0.1
"""Seconds between two looks."""


class TookTooLong(BaseException):
    """A call was ended. No Exception, so that what is called does not take it for an error of its own."""


class CallTimeout:
    """Ends calls in the main thread, where the event loop runs, that take longer than `LONGEST` seconds.

    A second thread looks at the clock and sends the signal, so that a call costs no more than two looks at a variable.
    What a library in C computes without coming back goes on: that is for the watchdog. So does a call that catches
    everything, since it is interrupted once.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._watched = False
        os.register_at_fork(after_in_child=self._is_alone)

    def within(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call, and raise TookTooLong once it takes too long.

        In other threads than the main one, within such a call, and where somebody else has the signal, nothing does.
        """
        if self._began is not None or threading.current_thread() is not _MAIN or not self._runs():
            return call(*args, **kwargs)
        self._began = time.monotonic()
        try:
            return call(*args, **kwargs)
        finally:
            self._began = None

    def _runs(self) -> bool:
        if not self._watched and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, self._ring):
            signal.signal(signal.SIGALRM, self._ring)
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

    def _ring(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code.co_name == "__del__":  # what is raised there is lost; the next look rings again
                return
            frame = frame.f_back
        if self._is_late():  # else that call has ended since
            self._began = None
            raise TookTooLong

    def _is_late(self) -> bool:
        began = self._began
        return began is not None and time.monotonic() - began > LONGEST


_MAIN = threading.main_thread()
ALARM = CallTimeout()
"""That of the process."""
