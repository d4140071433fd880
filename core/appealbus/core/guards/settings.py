"""Settings of the guard of a source."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from appealbus.core.config.base import Settings
from appealbus.core.config.types import Seconds
from appealbus.core.domain.pauses import Period
from appealbus.core.guards.calendar import MOST_WINDOWS, Calendar, minutes_of


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
