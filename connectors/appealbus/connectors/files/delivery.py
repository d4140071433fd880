"""The delivery `files`: dossiers appended to a file, one JSON object a line."""

import asyncio
import contextlib
import fcntl
import os
import threading
from collections.abc import Sequence
from typing import BinaryIO

from appealbus.connectors.files.settings import OutboxSettings
from appealbus.core import Delivery, Outgoing

_STEP = 64 * 1024


class FilesDelivery(Delivery[OutboxSettings]):
    """Appends dossiers; a batch is on disk before it counts as delivered.

    The file is opened anew for each batch, so that it may be moved away at any time.
    """

    kind = "files"
    settings = OutboxSettings

    def __init__(self, name: str, settings: OutboxSettings) -> None:
        super().__init__(name, settings)
        self._lock = threading.Lock()

    async def start(self) -> None:
        """Make sure that the file can be written, and drop what a crash left behind of a line."""
        with contextlib.suppress(BlockingIOError):  # another worker does
            await asyncio.to_thread(self._append, b"")

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        """Append the dossiers."""
        # In JSON a line break is never part of a text, so it may become a space.
        lines = b"".join(item.dossier.replace(b"\n", b" ") + b"\n" for item in batch)
        await asyncio.to_thread(self._append, lines)
        return [None] * len(batch)

    def _append(self, lines: bytes) -> None:
        path = self.config.path
        # Dossiers are personal data: a new file is for its owner's eyes alone.
        with self._lock, os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            # Another worker may hand over by now, to the same file: what is half written there is no line yet.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.seek(_whole_lines(file))
            file.truncate()
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


def _whole_lines(file: BinaryIO) -> int:
    """Return where the last whole line ends."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _STEP)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
