"""The lines to PostgreSQL, so that one who waits there for an answer that does not come can be called off."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakSet

from appealbus.core.journal.errors import UNREACHABLE, JournalError

Line = TypeVar("Line")


class OpenConnections:
    """All connections to one database that are not lost yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[Any] = WeakSet()
        self._over = False

    @property
    def over(self) -> bool:
        """Whether all are cut."""
        return self._over

    def make(self, connect: Callable[[], Line]) -> Line:
        """Make one more."""
        if self._over:
            raise JournalError("the journal failed: the database does not answer", UNREACHABLE)
        line = connect()
        with self._lock:
            self._open.add(line)
        if self._over:
            self.cut()
        return line

    def cut(self) -> None:
        """End all lines, and let no new one be made: whoever waits for an answer has a lost connection at once."""
        with self._lock:
            self._over = True
            lines = list(self._open)
        for line in lines:
            # One that is closed already has no number, and its own error says so.
            with contextlib.suppress(Exception), socket.socket(fileno=os.dup(line.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)
