"""The clocks: `wall` for stamps, `monotonic` for waiting, `steady` to find out that the wall clock has jumped."""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta, timezone

DAY = 86400.0
"""Seconds of a day, once for all settings and bounds that are told in days."""
KAZAKHSTAN = timezone(timedelta(hours=5))
"""The country's one zone since March 2024, where a day begins. Not from `schemas`: the supervisor imports none of it."""
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def wall() -> datetime:
    """Return the time of day, for stamps. It may jump."""
    return datetime.now(UTC)


def day_of(moment: datetime) -> date:
    """Return the day of a moment in the country, by which terms are counted wherever the machine stands."""
    try:
        return moment.astimezone(KAZAKHSTAN).date()
    except OverflowError:  # in the first and the last hours that a moment can tell
        return moment.date()


def steady() -> float:
    """Return seconds that never jump. On Linux they pass while the machine sleeps, too, as on the wall clock."""
    return time.clock_gettime(_STEADY)


def monotonic() -> float:
    """Return the event loop's clock in seconds, for waiting and for deadlines. It never jumps."""
    return asyncio.get_running_loop().time()
