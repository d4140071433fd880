"""What a worker process knows of its supervisor: `appealbus run --workers N` starts N of them."""

import contextlib
import os
import re
import stat
from dataclasses import dataclass
from functools import cache

from appealbus.core.errors import ConfigError

VARIABLE = "APPEALBUS_WORKER"
"""The environment variable with which a supervisor passes a worker its number, pipes and names."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several workers."""

    number: int
    """From 0 on; a replacement of a dead worker gets the same number."""
    leash: int
    """A pipe to read from. Nothing is written to it; it ends when the supervisor is gone for any reason."""
    word: int
    """A pipe to write to once, when the configuration has been accepted."""

    name: str = ""
    """Name of this process in the journal; each process has a new name."""
    before: str = ""
    """Name of the dead process that had this number before; empty for the first one."""

    def started(self) -> None:
        """Tell the supervisor that the configuration was accepted, so that a later end is not blamed on it."""
        with contextlib.suppress(OSError):
            os.write(self.word, b"1")
            os.close(self.word)


@cache
def worker() -> Worker | None:
    """Return which worker this process is; None if it works alone. Raises ConfigError for an invalid variable."""
    given = os.environ.get(VARIABLE)
    if given is None:
        return None
    match = re.fullmatch(r"(\d{1,4}):(\d{1,6}):(\d{1,6})(?::([0-9a-f]{32}):([0-9a-f]{32})?)?", given)
    if match is None or not (_is_pipe(int(match[2])) and _is_pipe(int(match[3]))):
        raise ConfigError(f"{VARIABLE} is set by `appealbus run --workers` for its workers alone; unset it")
    # A process that a plugin starts must not take itself for a worker.
    del os.environ[VARIABLE]
    number, leash, word = int(match[1]), int(match[2]), int(match[3])
    os.set_inheritable(leash, False)
    os.set_inheritable(word, False)
    return Worker(number, leash, word, match[4] or "", match[5] or "")


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
