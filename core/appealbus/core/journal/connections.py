"""The connections to PostgreSQL, so that one who waits there for an answer that does not come can be called off."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakSet

from appealbus.core.errors import UNREACHABLE, JournalError

C = TypeVar("C")


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

    def make(self, connect: Callable[[], C]) -> C:
        """Make one more."""
        if self._over:
            raise JournalError("the journal failed: the database does not answer", UNREACHABLE)
        connection = connect()
        with self._lock:
            self._open.add(connection)
        if self._over:
            self.cut()
        return connection

    def cut(self) -> None:
        """End all connections, and let no new one be made: whoever waits for an answer gets an error at once."""
        with self._lock:
            self._over = True
            connections = list(self._open)
        for connection in connections:
            # One that is closed already has no number, and its own error says so.
            with contextlib.suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)
