"""The lines to PostgreSQL, so that one who waits there for an answer that does not come can be called off."""

import contextlib
import os
import socket
import threading
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event

from appealbus.core.journal.errors import UNREACHABLE, JournalError


class Lines:
    """All connections that engines have made and not yet lost."""

    def __init__(self, *engines: Engine | None) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[Any] = WeakSet()
        self._over = False
        for engine in engines:
            if engine is not None:
                event.listen(engine, "do_connect", self._about_to_be_made, insert=True)
                event.listen(engine.pool, "connect", self._made)

    def cut(self) -> None:
        """End all lines, and let no new one be made: whoever waits for an answer has a lost connection at once."""
        with self._lock:
            self._over = True
            lines = list(self._open)
        for line in lines:
            # One that is closed already has no number, and its own error says so.
            with contextlib.suppress(Exception), socket.socket(fileno=os.dup(line.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)

    def _about_to_be_made(self, *_: object) -> None:
        if self._over:
            raise JournalError("the journal failed: the database does not answer", UNREACHABLE)

    def _made(self, line: Any, record: object) -> None:
        with self._lock:
            self._open.add(line)
