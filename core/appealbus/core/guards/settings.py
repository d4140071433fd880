"""Settings of the guard of a source, with its closing times: weekly windows in the country's time."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.config.types import Seconds, Settings
from appealbus.core.domain.pauses import Period

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
    match = _WINDOW.fullmatch(window.strip())
    if match is None:
        raise ValueError('write a window such as "Sun 02:00-06:00" or "daily 23:30-00:30"')
    begins, ends = (int(match[n]) * 60 + int(match[n + 1]) for n in (2, 4))
    if max(int(match[3]), int(match[5])) > 59 or begins >= _DAY or ends > _DAY:
        raise ValueError("the hours of a day go from 00:00 to 24:00")
    if begins == ends:
        raise ValueError('a window begins and ends at two times; a whole day is "00:00-24:00"')
    length = (ends - begins) % _DAY or _DAY
    days = range(7) if match[1] == "daily" else (_DAYS.index(match[1]),)
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


def _window(text: str) -> str:
    minutes_of(text)
    return text


def _ever_open(windows: Sequence[str]) -> Sequence[str]:
    Calendar(windows)
    return windows


class GuardSettings(Settings):
    """The `guard` table of a source."""

    timeout: Seconds = Field(default=10.0, gt=0)
    """The longest that one call may take. Less only where the first delivery waits less long."""
    attempts: int = Field(default=3, ge=1, le=10)
    """Calls for one question before it is parked. Only idempotent questions are asked again."""
    backoff: Seconds = Field(default=0.2, ge=0)
    """Upper bound of the first pause between attempts; doubles each time, with full jitter."""
    backoff_max: Seconds = Field(default=5.0, ge=0)
    """The longest pause between attempts."""
    concurrency: int = Field(default=50, ge=1)
    """Calls in flight at once, of all workers together."""
    rate: float | None = Field(default=None, gt=0)
    """Calls a second at most, of all workers together; none: no limit."""
    burst: int = Field(default=10, ge=1)
    """Calls that may leave at once before the rate applies; at least one for each worker is best."""
    breaker_failures: int = Field(default=10, ge=1)
    """System failures in a row, over all workers, that open the breaker.

    A time-out counts if the call had three quarters of `timeout` or more; so do answers that no one trusts.
    """
    breaker_open: Seconds = Field(default=30.0, gt=0)
    """How long an open breaker refuses before one question may probe.

    Longer where the failure that opened it says so, up to five minutes.
    """
    fresh: Seconds = Field(default=0.0, ge=0)
    """How long an answer serves identical questions of the same worker; 0: never."""
    fresh_entries: int = Field(default=10_000, ge=1)
    """Answers kept for that."""
    stale: Seconds = Field(default=0.0, ge=0)
    """How long an answer may serve identical questions of the same worker while the source cannot be asked; 0: never.

    Such a record is marked, the question stays open, and no dossier is complete by it.
    """
    quota_day: int | None = Field(default=None, ge=1)
    """Calls a day at most, of all workers together; a day begins at midnight in Kazakhstan. None: no limit."""
    quota_month: int | None = Field(default=None, ge=1)
    """Calls a month at most, in the same way."""
    quota_reserve: float = Field(default=0.0, ge=0, lt=1)
    """The part of each quota that is kept for urgent appeals: with `0.2` others get four fifths of it."""
    urgent_days: int = Field(default=3, ge=0, le=365)
    """An appeal is urgent that is due in so many days or less."""
    closed: Annotated[
        list[Annotated[str, AfterValidator(_window)]], Field(max_length=MOST_WINDOWS), AfterValidator(_ever_open)
    ] = []
    """When nothing is asked: windows of the week such as `"Sun 02:00-06:00"`, `"daily 23:30-00:30"`; Kazakhstan's time.
    """

    def quotas(self) -> dict[Period, int]:
        """Return how many calls it may have in each period that is limited."""
        quotas = {Period.DAY: self.quota_day, Period.MONTH: self.quota_month}
        return {period: most for period, most in quotas.items() if most is not None}
