"""A clock that can be set: libfaketime between a program and the time of day. The monotonic clock stays as it is."""

from collections.abc import Mapping
from pathlib import Path


def library() -> Path | None:
    """Return libfaketime, or None where it is not installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


class Clock:
    """One of them, for all processes that are started with `environment`."""

    def __init__(self, folder: Path) -> None:
        """Begin with the right time."""
        self._file = folder / "clock"
        self.step("+0")

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to see this clock; nothing where there is no library."""
        found = library()
        if found is None:
            return {}
        return {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, by: str) -> None:
        """Set it so far from the right time, within a second: `+1d`, `-2h`, `+0`."""
        new = self._file.with_suffix(".new")
        new.write_text(by)
        new.replace(self._file)
