"""The checkpoint: a small file outside the journal that knows how far it was, so that an older copy is found out."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal.errors import Behind
from appealbus.core.journal.lock import FileLock, HostLock
from appealbus.core.journal.mark import ADVICE, Mark

_PATIENCE = 5.0
"""Seconds for another process to write it, which takes milliseconds."""
_LARGEST = 4096
"""Bytes: a checkpoint has some hundred. What has more is another file, and is not read to its end."""


_MARK = TypeAdapter(Mark)


def no_checkpoint(checkpoint: "Checkpoint") -> str:
    return (
        f"there is no checkpoint at {checkpoint.path}, so nobody here can tell this journal from an older copy of "
        "itself. If it is the right one, run `appealbus enrol` on this machine; if it was put back from a copy, "
        "`appealbus restored`"
    )


class Checkpoint:
    """A checkpoint file. The first of several processes on a machine writes it, until that process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writes = True
        """Whether this process writes it; else it is read alone, in a place that belongs to a worker."""
        self._lock = HostLock(path.with_name(f"{path.name}.lock"))

    def read(self) -> Mark | None:
        """Return the mark, None where there is none; raise ConfigError where the file is no checkpoint."""
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

    def compare(self, mark: Mark | None, now: Mark) -> None:
        """Raise Behind if `now` is another journal or an older copy than `mark`, which was read before it."""
        if mark is None or mark.leads_to(now):
            return
        if mark.journal != now.journal:
            text = f"the checkpoint {self.path} is that of another journal; where both are in use"
            raise Behind(f"{text}, name another file with bus.checkpoint. {ADVICE}")
        was, then = (f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "its beginning" for at in (now.clock, mark.clock))
        text = f"this journal is an older copy: it goes up to {was}, and its checkpoint {self.path} up to {then}"
        if (mark.epoch, mark.beat) <= (now.epoch, now.beat):
            text = (
                f"this journal is a copy that went another way since its checkpoint {self.path} was written, at {then}"
            )
        raise Behind(f"{text}. {ADVICE}")

    def write(self, now: Mark, *, anew: bool = False) -> bool:
        """Write the mark atomically, never less than is there unless `anew`; return whether this process writes.

        Raises OSError if the file cannot be written, ConfigError if it is no checkpoint.
        """
        if not anew and not (self.writes and self._lock.taken()):
            return False
        with self._alone():
            there = None if anew else self.read()
            if there is None or there.leads_to(now):
                self._put(now)
        return True

    def note(self, found: Mark | None) -> None:
        """Note up to when a copy found in the journal's place goes, so that `restored` can tell."""
        if found is None or found.clock is None or not self.writes or not self._lock.taken():
            return
        with self._alone():
            there = self.read()
            if there is None or there.journal != found.journal or there.lost_its_log(found):
                return
            if there.since is None or there.since > found.clock:
                self._put(replace(there, since=found.clock))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from the file: beginning an epoch writes it beside a server that may be writing too."""
        turn = FileLock(self.path.with_name(f"{self.path.name}.turn"), _PATIENCE)
        try:
            with turn:
                yield
        except JournalError:
            raise OSError(errno.EBUSY, "another process has been writing it for too long") from None
        finally:
            turn.close()

    def _put(self, mark: Mark) -> None:
        path = Path(os.path.realpath(self.path))  # a link to another disk stays one
        made = path.with_name(f"{path.name}.new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(_MARK.dump_json(mark))
            file.flush()
            os.fsync(file.fileno())
        made.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        self._lock.close()
