"""The clocks: the wall for stamps, the monotonic for waiting, the steady to tell when the wall jumps."""

import asyncio
import time
from datetime import UTC, datetime

DAY = 86400.0
"""Seconds of a day, once for all settings and bounds that are told in days."""
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def wall() -> datetime:
    """Return the time of day, for stamps. It may jump."""
    return datetime.now(UTC)


def steady() -> float:
    """Return seconds that pass as on the wall and never jump; on Linux those of a machine that sleeps count, too."""
    return time.clock_gettime(_STEADY)


def monotonic() -> float:
    """Return the event loop's clock, for waiting. Deadlines are on it."""
    return asyncio.get_running_loop().time()
