"""The checkpoint: a small file outside the journal that knows how far it was, so that an older copy is found out."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal.lock import HostLock
from appealbus.core.journal.rows import JournalState

_LARGEST = 4096
"""Bytes: a checkpoint has some hundred. What has more is another file, and is not read to its end."""


class Behind(JournalError):
    """The journal is not the one that its checkpoint knows, or an older copy of it."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "behind")


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a journal was."""

    journal: str
    epoch: int
    beat: int
    clock: datetime | None


_MARK = TypeAdapter(Mark)


class Checkpoint:
    """One of them. Of several processes on a machine that share it, the first one writes it, until it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = HostLock(path.with_name(f"{path.name}.lock"))

    def read(self) -> Mark | None:
        """Return the mark; None where there is none.

        Raises:
            ConfigError: what is there is no checkpoint.

        """
        try:
            with self.path.open("rb") as file:
                return _MARK.validate_json(file.read(_LARGEST))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"the checkpoint {self.path} cannot be read: {error.strerror}") from None
        except ValidationError:
            text = f"{self.path} is no checkpoint of a journal; name another file with bus.checkpoint, or take it away"
            raise ConfigError(text) from None

    def compare(self, mark: Mark | None, now: JournalState) -> None:
        """Compare a journal with the mark, which was read before it: a bus that runs writes the journal first.

        Raises:
            Behind: this is another journal, or an older copy of it.

        """
        if mark is None:
            return
        if mark.journal != now.journal:
            raise Behind(f"the checkpoint {self.path} is that of another journal. {_ADVICE}")
        if (mark.epoch, mark.beat) > (now.epoch, now.beat):
            was, then = (f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "its beginning" for at in (now.clock, mark.clock))
            text = f"this journal is an older copy: it goes up to {was}, and its checkpoint {self.path} up to {then}"
            raise Behind(f"{text}. {_ADVICE}")

    def write(self, now: JournalState) -> bool:
        """Write how far the journal is, whole or not at all; return whether it is this process that writes.

        Raises:
            OSError: the file cannot be written.

        """
        if not self._lock.taken():
            return False
        mark = Mark(now.journal, now.epoch, now.beat, now.clock)
        made = self.path.with_name(f"{self.path.name}.new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(_MARK.dump_json(mark))
            file.flush()
            os.fsync(file.fileno())
        made.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return True

    def close(self) -> None:
        """Let another process write it."""
        self._lock.close()


_ADVICE = (
    "Nothing is given out, or it would be numbered as what is lost was: put the right journal in its place, "
    "or, if this is the one to go on with, run `appealbus restored`"
)
