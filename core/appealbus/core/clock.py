"""The wall clock, for stamps. What waits takes the event loop's clock instead."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)
