"""The intake `files`: a folder into which others put files of appeals."""

import asyncio
import fcntl
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from appealbus.connectors.files.reading import SUFFIXES, batches, opened, read_appeals
from appealbus.connectors.files.settings import FolderSettings
from appealbus.core import Acceptor, ConfigError, Inbound, Intake, Quarantined, Taken

log = structlog.get_logger(__name__)

_BATCH = 100
"""Messages taken at once. After a crash all of one batch are suspects; a smaller batch would be slower."""
_LONGEST_NOTE = 20
"""Digits of a message count; a longer note was not written by us."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file's last state, and since when it has not changed."""

    size: int
    modified: int
    since: float


class FilesIntake(Intake[FolderSettings]):
    """Takes whole files from a folder, by name in ascending order, and moves each to `done` or `failed`.

    `failed` gets files that could not be read completely, or that yielded no appeal. After a crash a file is read again
    from its start: appeals already taken are recognised by their message ids.

    Of several workers with the same folder one takes files until it ends; the others wait.
    """

    def __init__(self, name: str, settings: FolderSettings) -> None:
        super().__init__(name, settings)
        self._seen: dict[str, _Seen] = {}
        self._stuck: dict[str, _Seen] = {}
        self.idle = False  # nobody has looked yet

    async def run(self, acceptor: Acceptor) -> None:
        for name in ("done", "failed"):
            await asyncio.to_thread((self.config.folder / name).mkdir, exist_ok=True)
        lock = await asyncio.to_thread(os.open, self.config.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            while True:
                ours = await asyncio.to_thread(_locked, lock)
                for name in await asyncio.to_thread(self._whole_files):
                    if ours:
                        await self._take(self.config.folder / name, acceptor)
                await asyncio.sleep(self.config.poll)
        finally:
            os.close(lock)

    def _whole_files(self) -> list[str]:
        """Return the files in the folder that have not changed for long enough."""
        now = time.monotonic()
        seen: dict[str, _Seen] = {}
        with os.scandir(self.config.folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.lower().endswith(SUFFIXES):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    before = self._seen.get(entry.name)
                    look = (status.st_size, status.st_mtime_ns)
                    same = before is not None and (before.size, before.modified) == look
                    seen[entry.name] = before if before and same else _Seen(*look, now)
        self._seen = seen
        self._stuck = {name: look for name, look in self._stuck.items() if seen.get(name) == look}
        self.idle = seen.keys() <= self._stuck.keys()
        return sorted(
            name for name, look in seen.items() if now - look.since >= self.config.settle and name not in self._stuck
        )

    async def _take(self, file: Path, acceptor: Acceptor) -> None:
        taken = quarantined = read = 0
        broken = False
        progress = file.with_name(f".{file.name}.taking")
        # Whoever began this file died after so many messages: one of the next handful may have killed it.
        died_after = await asyncio.to_thread(_progress, progress)
        try:
            messages = await asyncio.to_thread(read_appeals, file, self.name, self.config.encoding, follow=False)
            parts = batches(messages, _BATCH)
            await asyncio.to_thread(_note, progress, 0 if died_after is None else died_after)
            while batch := await asyncio.to_thread(next, parts, None):
                if died_after is not None and read <= died_after < read + len(batch):
                    batch = [replace(message, again=True) for message in batch]
                elif died_after is None or read > died_after:
                    await asyncio.to_thread(_note, progress, read)
                read += len(batch)
                results = await accept_all(acceptor, batch)
                accepted = sum(isinstance(result, Taken) for result in results)
                taken, quarantined = taken + accepted, quarantined + len(batch) - accepted
        except (ConfigError, OSError) as error:
            broken = True
            log.error("files.unreadable", intake=self.name, error=type(error).__name__)
        folder = "failed" if broken or (quarantined and not taken) else "done"
        await asyncio.to_thread(_forget, progress)
        try:
            await asyncio.to_thread(_move, file, self.config.folder / folder)
        except OSError as error:
            # Or it would be read again, and again.
            self._stuck[file.name] = self._seen[file.name]
            log.error("files.stuck", intake=self.name, error=type(error).__name__)
        log.info("files.read", intake=self.name, taken=taken, quarantined=quarantined, state=folder)


async def accept_all(acceptor: Acceptor, batch: Sequence[Inbound]) -> list[Taken | Quarantined]:
    """Pass messages at once, so that the journal can group their writes. Raises the first error at the end."""
    results = await asyncio.gather(*map(acceptor.accept, batch), return_exceptions=True)
    taken = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        taken.append(result)
    return taken


def _locked(lock: int) -> bool:
    """Take the folder's lock if it is free. The kernel releases it when its holder ends in any way."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: what two workers take is still recognised by its message id
    return True


def _progress(note: Path) -> int | None:
    """Return the number of messages after which a process died over the file; None if none did."""
    try:
        with opened(note, follow=False) as file:
            return int(file.read(_LONGEST_NOTE))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return 0


def _note(note: Path, read: int) -> None:
    """Note how many messages are processed. An unwritable folder is reported when the file is moved.

    The note is replaced by a new file, as others may have put a link in its place.
    """
    new = note.with_name(f"{note.name}.new")
    with suppress(OSError):
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(str(read))
        new.rename(note)


def _forget(note: Path) -> None:
    with suppress(OSError):
        note.unlink(missing_ok=True)


def _move(file: Path, folder: Path) -> None:
    """Move a file to a free name in the folder."""
    target, number = folder / file.name, 1
    while not _reserved(target):
        target, number = folder / f"{file.stem}.{number}{file.suffix}", number + 1
    try:
        file.rename(target)
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _reserved(target: Path) -> bool:
    """Reserve the name unless it is in use: another process may take it between a check and a rename."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True
