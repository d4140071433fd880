"""Closing times of a source: weekly windows in the country's time."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from appealbus.core.clocks import KAZAKHSTAN

MOST_WINDOWS = 50
"""Windows of a source: with more it is hardly ever open, and should be paused instead."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW = re.compile(r"(daily|Mon|Tue|Wed|Thu|Fri|Sat|Sun) +(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_DAY = 24 * 60
_WEEK = 7 * _DAY

Minutes = tuple[int, int]
"""From the first to the second minute of a week; the second may lie in the next one."""


def minutes_of(window: str) -> list[Minutes]:
    """Return a window in minutes of the week. Raises ValueError if it is invalid."""
    found = _WINDOW.fullmatch(window.strip())
    if found is None:
        raise ValueError('write a window such as "Sun 02:00-06:00" or "daily 23:30-00:30"')
    begins, ends = (int(found[n]) * 60 + int(found[n + 1]) for n in (2, 4))
    if max(int(found[3]), int(found[5])) > 59 or begins >= _DAY or ends > _DAY:
        raise ValueError("the hours of a day go from 00:00 to 24:00")
    if begins == ends:
        raise ValueError('a window begins and ends at two times; a whole day is "00:00-24:00"')
    length = (ends - begins) % _DAY or _DAY
    days = range(7) if found[1] == "daily" else (_DAYS.index(found[1]),)
    return [(day * _DAY + begins, day * _DAY + begins + length) for day in days]


class Calendar:
    """The windows in which a source is closed. Raises ValueError if it would never be open."""

    def __init__(self, windows: Sequence[str]) -> None:
        single = [minute for window in windows for minute in minutes_of(window)]
        # Of three weeks, so that what goes on from one into the next is whole in the middle one.
        spread = sorted((begins + week, ends + week) for begins, ends in single for week in (-_WEEK, 0, _WEEK))
        self.windows: list[Minutes] = []
        """Windows in which it is closed, not touching each other."""
        for begins, ends in spread:
            if self.windows and begins <= self.windows[-1][1]:
                self.windows[-1] = self.windows[-1][0], max(ends, self.windows[-1][1])
            else:
                self.windows.append((begins, ends))
        if any(ends - begins >= _WEEK for begins, ends in self.windows):
            raise ValueError("with these windows the source is never open; take it out of the configuration instead")

    def closed_until(self, now: datetime) -> datetime | None:
        """Return the end of the window that contains this moment; None if the source is open."""
        there = now.astimezone(KAZAKHSTAN)
        midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
        monday = midnight - timedelta(days=there.weekday())
        minute = (there - monday) // timedelta(minutes=1)
        for begins, ends in self.windows:
            if begins <= minute < ends:
                return monday + timedelta(minutes=ends)
        return None

    def open_within(self, begins: datetime, ends: datetime) -> float:
        """Return for how many seconds of a period, of a day at most, the source is open."""
        there = begins.astimezone(KAZAKHSTAN)
        midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
        monday = midnight - timedelta(days=there.weekday())
        from_, to = ((at - monday) / timedelta(minutes=1) for at in (begins, ends))
        shut = sum(max(0.0, min(to, last) - max(from_, first)) for first, last in self.windows)
        return (to - from_ - shut) * 60
