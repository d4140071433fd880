"""The delivery `files`: dossiers appended to a file, one JSON object a line."""

import asyncio
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from appealbus.connectors.files.settings import OutboxSettings
from appealbus.core import ConfigError, Delivery, Handed, Outgoing

_STEP = 64 * 1024
"""Bytes read at once, from the end backwards: most dossiers are smaller, so the first step finds a line's end."""
_OURS = b'{"schema_version":"'
"""The beginning of each dossier."""
_TORN = 32 * 1024 * 1024
"""Bytes: a longer stretch without a line break is not part of a dossier, which has 16 MiB at most."""


class FilesDelivery(Delivery[OutboxSettings]):
    """Appends dossiers; a batch is on disk before it counts as delivered.

    The file is reopened for each batch, so it may be moved away at any time.
    """

    def __init__(self, name: str, settings: OutboxSettings) -> None:
        super().__init__(name, settings)
        self._lock = threading.Lock()

    async def start(self) -> None:
        """Check that the file is writable, and remove a partial line left by a crash. Raises ConfigError."""
        try:
            await asyncio.to_thread(self._append, b"")
        except BlockingIOError:
            return  # another worker does
        except IsADirectoryError:
            raise ConfigError(f"{self.config.path} is a folder; dossiers need a file of their own") from None

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Append the dossiers, all of them or none."""
        # In JSON a line break is never part of a text, so it may become a space.
        lines = b"".join(item.dossier.replace(b"\n", b" ") + b"\n" for item in batch)
        try:
            await asyncio.to_thread(self._append, lines)
        except ConfigError:
            return ["not_ours"] * len(batch)
        except OSError as error:
            return [errno.errorcode.get(error.errno or 0, "io").lower()] * len(batch)
        return [None] * len(batch)

    def _append(self, lines: bytes) -> None:
        path = self.config.path
        # Dossiers are personal data: a new file is for its owner's eyes alone.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        with self._lock, os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0) as file:
            # Another worker may hand over by now, to the same file: what is half written there is no line yet.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _check(file, path)
            end = _mended(file)
            try:
                _write(file, lines)
                os.fsync(file.fileno())
            except OSError:
                # A full disk: what is there of our lines is taken back, so that no reader takes it for a dossier.
                file.truncate(end)
                raise


def _check(file: BinaryIO, path: Path) -> None:
    """Refuse a file that is not ours, before anything in it is changed."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path} is not a file; dossiers need one of their own")
    if file.read(1) not in (b"", b"{"):
        raise ConfigError(
            f"{path} does not hold JSON, a line each: nothing is added to it; move it, or name another file"
        )
    if not os.path.samestat(status, path.stat()):
        raise BlockingIOError(errno.EAGAIN, "the file was moved away at this moment")


def _mended(file: BinaryIO) -> int:
    """Complete the last line, or cut off a partial dossier left by a crash; return where to append.

    Only text after the last whole line that begins like a dossier is cut off: anything else may belong to others.
    """
    end = file.seek(0, os.SEEK_END)
    start = _whole_lines(file, end)
    if start == end:
        return end
    if start and end - start <= _TORN:
        file.seek(start)
        torn = file.read(end - start)
        if (torn.startswith(_OURS) or _OURS.startswith(torn)) and not _is_json(torn):
            file.truncate(start)
            return file.seek(start)
    file.seek(end)
    _write(file, b"\n")
    return end + 1


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _write(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _whole_lines(file: BinaryIO, end: int) -> int:
    """Return the offset of the end of the last whole line."""
    while end:
        start = max(0, end - _STEP)
        file.seek(start)
        last = file.read(end - start).rfind(b"\n")
        if last >= 0:
            return start + last + 1
        end = start
    return 0
