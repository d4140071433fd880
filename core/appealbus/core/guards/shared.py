"""One source's limits, as one of several workers has them."""

import asyncio
import math
from collections.abc import Callable

import structlog

from appealbus.core.domain.limits import Need, Report, Standing
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.shared_breaker import SharedBreaker
from appealbus.core.guards.slots import Slots

log = structlog.get_logger(__name__)

LEASE = 10.0
"""Seconds for which a worker that cannot reach the journal goes on with what it has."""
_MARGIN = 2.0
_TURN = 0.5
# Pauses between two exchanges: while others hold what is ours, while there is work, and while there is none.
_OWED, _BUSY, _IDLE = 0.05, 0.25, 1.0


class Shared:
    """One source's limits, and what this worker may use of them."""

    def __init__(
        self,
        source: str,
        settings: GuardSettings,
        slots: Slots,
        bucket: Bucket | None,
        breaker: SharedBreaker,
        *,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.source = source
        self.breaker = breaker
        self._settings = settings
        self._slots = slots
        self._bucket = bucket
        self._wake = wake
        self._clock = clock
        self._standing: Standing | None = None
        self._reported = 0
        self._reported_parts = 0
        self._returned = 0.0
        self._queued = False
        self._usage = 0.0
        self._taken = 0
        self._looked = clock()
        self._timer: asyncio.TimerHandle | None = None
        # From the last moment at which a call may leave until it has ended for sure.
        self._after = settings.timeout + _MARGIN
        slots.on_wait, slots.on_free = self._waits, self._freed
        slots.resize(0)
        if bucket is not None:
            bucket.on_wait = self._waits
            bucket.resize(0, 0.0)

    def report(self, now: float) -> Report:
        """Return how this worker stands. Until the answer it takes no more than it says here."""
        settings, slots, bucket = self._settings, self._slots, self._bucket
        self._reported = slots.take_peak()
        calls = Need(settings.concurrency, slots.capacity, slots.in_use, self._reported, _TURN)
        parts = None
        returned, self._returned = self._returned, 0.0
        if bucket is not None:
            # A part needs this long for one token, and nobody should have his turn in vain.
            turn = max(_TURN, settings.burst / (settings.rate or 1.0))
            parts = Need(settings.burst, bucket.parts, 0, self._parts_wanted(bucket, now), turn)
        return Report(
            source=self.source,
            lease=LEASE + self._after,
            calls=calls,
            parts=parts,
            rate=settings.rate or 0.0,
            returned=returned,
            news=self.breaker.report(),
            breaker_failures=settings.breaker_failures,
            breaker_open=settings.breaker_open,
        )

    def adopt(self, standing: Standing, begun: float) -> None:
        """Take over the shares. They hold from when the exchange began: later, others may have them."""
        until = begun + standing.lease - self._after
        if until <= self._clock():
            self.lapse()
            return
        self._standing = standing
        self._arm(until)
        self._slots.until = until
        if self._bucket is not None and standing.parts is not None:
            if standing.parts.anew:
                self._bucket.resize(0, 0.0)
            self._returned = self._bucket.resize(standing.parts.usable, standing.tokens)
        self._slots.resize(standing.calls.usable)
        self.breaker.adopt(standing)
        self._give_back()

    def lapse(self) -> None:
        """Let nothing leave until the journal has given shares again."""
        self._slots.resize(0)
        self._slots.until = -math.inf
        self._returned = 0.0
        if self._bucket is not None:
            self._bucket.resize(0, 0.0)
        if self._timer is not None:
            self._timer.cancel()

    def gap(self) -> float:
        """Return how long after the last exchange the next one is due."""
        slots, standing = self._slots, self._standing
        if standing is None or (len(slots) and standing.calls.owed):
            return _OWED
        if self._tokens_awaited() and standing.parts is not None and standing.parts.owed:
            return _OWED
        return _BUSY if slots.in_use or self._reported or self.breaker.has_news else _IDLE

    def _tokens_awaited(self) -> bool:
        return self._bucket is not None and len(self._bucket) > 0

    def _parts_wanted(self, bucket: Bucket, now: float) -> int:
        """Return how many parts it takes to let leave what left during the last second or so, and one more."""
        self._usage = self._usage * math.exp(self._looked - now) + bucket.taken - self._taken
        self._looked, self._taken = now, bucket.taken
        queued, self._queued = self._queued or len(bucket) > 0, False
        self._reported_parts = 0
        if queued:
            self._reported_parts = bucket.burst
        elif self._usage > 0.1:
            self._reported_parts = min(bucket.burst, math.ceil(self._usage * bucket.burst / bucket.rate) + 1)
        return self._reported_parts

    def _waits(self) -> None:
        """Say at once that more is wanted than the journal knows of, where there is more to be had."""
        slots, bucket = self._slots, self._bucket
        if bucket is not None and len(bucket):
            self._queued = True
            if bucket.parts < bucket.burst and self._reported_parts < bucket.burst:
                self._wake()
        if len(slots) and slots.capacity < self._settings.concurrency and self._reported <= slots.capacity:
            self._wake()

    def _freed(self) -> None:
        if self._standing is not None and self._standing.calls.owes:
            self._give_back()

    def _give_back(self) -> None:
        """Tell the journal what is free by now and others wait for."""
        standing, slots = self._standing, self._slots
        if standing is None:
            return
        calls, parts = standing.calls, standing.parts
        if calls.owes and max(slots.in_use, slots.capacity) < calls.recorded:
            self._wake()
        if parts is not None and parts.owes and self._bucket is not None and self._bucket.parts < parts.recorded:
            self._wake()

    def _arm(self, until: float) -> None:
        if self._timer is None or self._timer.cancelled() or until != self._slots.until:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(until - self._clock(), self._lapsed)

    def _lapsed(self) -> None:
        log.warning("limits.lapsed", source=self.source)
        self.lapse()
