"""One worker's share of a source's limits: its reports and its grants.

A worker starts with nothing, and each exchange with the journal (see `limits`) gives it a share for a while:

    nothing ──grant──▶ has a share ──▶ no exchange for `LEASE` seconds: nothing (`lapse`) ──grant──▶ has a share …
                        │       ▲
                        └─grant─┘ more or less than before. Calls over a smaller share go on; no new one leaves
"""

import asyncio
import math
from collections.abc import Callable

import structlog

from appealbus.core.domain.limits import Grant, Need, Report
from appealbus.core.guards.breaker import SharedBreaker
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.guards.slots import Slots

log = structlog.get_logger(__name__)

LEASE = 10.0
"""Seconds for which a worker without access to the journal keeps its share.

Writes wait as long for a restarting database; without an access row no call leaves either.
"""
_MARGIN = 2.0
"""Seconds that a call may exceed its timeout, for a blocked loop and differing clocks."""
_TURN = 0.5
"""Seconds that a worker keeps its slot if there are fewer than workers; passing it on takes a tenth of that."""
_MOVING = 0.05
"""Seconds between exchanges while others hold our share: a slot that is passed on lies idle for so long."""
_WORKING = 0.25
"""Seconds between exchanges while there is work: the delay of our needs and of answers."""
_IDLE = 1.0
"""Seconds between exchanges while idle: often enough for the lease, and to learn of an open breaker."""


class WorkerShare:
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
        self._grant: Grant | None = None
        self._calls_wanted = 0  # as the journal knows it
        self._parts_wanted = 0
        self._returned = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # From the last moment at which a call may leave until it has ended for sure.
        self._call_ends_within = settings.timeout + _MARGIN
        slots.on_wait, slots.on_free = self._waits, self._give_back
        slots.resize(0)
        if bucket is not None:
            bucket.on_wait = self._waits
            bucket.resize(0, 0.0)

    def report(self) -> Report:
        """Return this worker's usage and needs. Until the grant it takes no more than reported."""
        settings, slots, bucket = self._settings, self._slots, self._bucket
        self._calls_wanted = slots.take_peak()
        parts = None
        if bucket is not None:
            self._parts_wanted = bucket.take_need()
            # A part needs this long for one token, and nobody should have his turn in vain.
            turn = max(_TURN, bucket.burst / bucket.rate)
            parts = Need(bucket.burst, bucket.parts, 0, self._parts_wanted, turn)
        returned, self._returned = self._returned, 0.0
        return Report(
            source=self.source,
            lease=LEASE + self._call_ends_within,
            calls=Need(settings.concurrency, slots.capacity, slots.in_use, self._calls_wanted, _TURN),
            parts=parts,
            rate=settings.rate or 0.0,
            returned=returned,
            news=self.breaker.report(),
            breaker_failures=settings.breaker_failures,
            breaker_open=self.breaker.opens_for,
        )

    def adopt(self, grant: Grant, begun: float) -> None:
        """Adopt a grant. It counts from the beginning of the exchange: later, others may have what it gives."""
        until = begun + grant.lease - self._call_ends_within
        if until <= self._clock():
            self.lapse()
            return
        self._grant = grant
        self._slots.until = until
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(until - self._clock(), self._lapsed)
        if self._bucket is not None and grant.parts is not None:
            if grant.parts.is_new:
                self._bucket.resize(0, 0.0)
            self._returned = self._bucket.resize(grant.parts.usable, grant.tokens)
        self._slots.resize(grant.calls.usable)
        self.breaker.adopt(grant)
        self._give_back()

    def lapse(self) -> None:
        """Let nothing leave until the next grant."""
        self._slots.resize(0)
        self._slots.until = -math.inf
        self._returned = 0.0
        if self._bucket is not None:
            self._bucket.resize(0, 0.0)
        if self._timer is not None:
            self._timer.cancel()

    def gap(self) -> float:
        """Return the delay from the last exchange to the next."""
        grant, slots, bucket = self._grant, self._slots, self._bucket
        if grant is None or (len(slots) and grant.calls.more_to_come):
            return _MOVING
        if bucket is not None and len(bucket) and grant.parts is not None and grant.parts.more_to_come:
            return _MOVING
        return _WORKING if slots.in_use or self._calls_wanted or self.breaker.has_news else _IDLE

    def _waits(self) -> None:
        """Exchange at once if more is needed than the journal knows, and more is available."""
        slots, bucket = self._slots, self._bucket
        if len(slots) and slots.capacity < self._settings.concurrency and self._calls_wanted <= slots.capacity:
            self._wake()
        if bucket is not None and len(bucket) and max(bucket.parts, self._parts_wanted) < bucket.burst:
            self._wake()

    def _give_back(self) -> None:
        """Exchange at once if something is free that others wait for."""
        grant, slots, bucket = self._grant, self._slots, self._bucket
        if grant is None:
            return
        if grant.calls.others_wait and max(slots.in_use, slots.capacity) < grant.calls.counted:
            self._wake()
        parts = grant.parts
        if bucket is not None and parts is not None and parts.others_wait and bucket.parts < parts.counted:
            self._wake()

    def _lapsed(self) -> None:
        log.warning("limits.lapsed", source=self.source)
        self.lapse()
