"""Locks between processes, on files beside an SQLite journal."""

import fcntl
import os
import time
from io import FileIO
from pathlib import Path
from types import TracebackType
from weakref import WeakSet

from appealbus.core.errors import JournalError
from appealbus.core.journal.errors import AlreadyRunning

_HELD: WeakSet[FileIO] = WeakSet()
"""Files of locks of this process: one that it forks would hold them beyond its end."""
_PAUSE = 0.0005
"""Seconds between two tries: a write holds the lock for as long as the disk takes, which is a millisecond or two."""


class FileLock:
    """Held around every transaction and checkpoint, so that two processes never write one journal at a time.

    SQLite's own locks are not enough: before 3.51.3 a write and a checkpoint of two processes may meet and damage the
    file (https://sqlite.org/wal.html#walresetbug).
    """

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        self._file = _open(path)
        self._timeout = timeout

    def __enter__(self) -> None:
        end = time.monotonic() + self._timeout
        while not _try(self._file):
            if time.monotonic() >= end:
                raise JournalError("another process has held the journal's write lock for too long", "locked")
            time.sleep(_PAUSE)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file, which stays: to delete it would open a race. Idempotent."""
        self._file.close()


class HostLock:
    """Held by the first of several processes on a machine that takes it, until that process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def taken(self) -> bool:
        """Take it if it is free; return whether it is ours. Raises OSError if the file cannot be made."""
        if self._file is None:
            file = _open(self._path)
            if not _try(file):
                file.close()
                return False
            self._file = file
        return True

    def close(self) -> None:
        """Let another process have it. Idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None


class RunLock:
    """Held by the one process that works an SQLite journal. The kernel frees it when the process dies."""

    def __init__(self, journal: Path) -> None:
        self._file = _open(journal.with_name(f"{journal.name}.run"))
        if not _try(self._file):
            holder = self._file.read(20).decode(errors="replace").strip()
            self._file.close()
            raise AlreadyRunning(holder)
        self._file.truncate()
        self._file.write(f"{os.getpid()}\n".encode())

    def release(self) -> None:
        self._file.close()


def _open(path: Path) -> FileIO:
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
    _HELD.add(file)
    return file


def _let_go() -> None:
    for file in _HELD:
        file.close()


os.register_at_fork(after_in_child=_let_go)


def _try(file: FileIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
