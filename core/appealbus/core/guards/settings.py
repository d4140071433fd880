"""What can be set about the guard of a source."""

from pydantic import Field

from appealbus.core.config.base import Settings
from appealbus.core.config.types import Seconds


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
