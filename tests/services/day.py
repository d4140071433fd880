"""The country's day, for tests of what is counted from it."""

import time
from datetime import date, timedelta

from appealbus.core.clocks import day_of, wall

_ROOM = timedelta(seconds=20)
"""How long such a test takes on a machine that is busy."""


def today() -> date:
    """Return the day. Shortly before midnight wait for the next one, so that a test begins and ends on one day."""
    now = wall()
    if day_of(now + _ROOM) > day_of(now):
        time.sleep(_ROOM.total_seconds())
    return day_of(wall())
