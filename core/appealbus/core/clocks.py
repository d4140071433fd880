"""The two clocks: the wall for stamps, the monotonic for waiting."""

import asyncio
from datetime import UTC, datetime


def wall() -> datetime:
    """Return the time of day, for stamps. It may jump."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return the event loop's clock, for waiting. Deadlines are on it."""
    return asyncio.get_running_loop().time()
