"""The circuit breaker: stops asking a failing source, and detects when it is back.

In a breaker that all workers of a journal share, the journal counts failures, opens and closes (`journal.limits`). Its
part here holds what the worker has not reported yet, and the last state received. A failure is reported before its call
returns its place, so a failing source sees no more calls than `breaker_failures` and those in flight.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from appealbus.core.domain.limits import BreakerNews, Grant, Probe
from appealbus.core.domain.source_state import BreakerState

_LONGEST_REST = 300.0
"""Seconds. A source may request any pause; one that is back must be used again before long."""


class Breaker:
    """Opens after a number of consecutive system failures; later one probe decides whether to close.

    `admit` returns a place, to be returned by exactly one of `succeeded`, `failed` and `gave_up`. A place from before
    the last change of state is outdated and ignored.
    """

    def __init__(
        self, failures: int, open_for: float, *, clock: Callable[[], float], on_change: Callable[[BreakerState], None]
    ) -> None:
        self._limit = failures
        self._open_for = open_for
        self._clock = clock
        self._on_change = on_change
        self._state = BreakerState.CLOSED
        self._era = 0
        self._failures = 0
        self._open_until = 0.0
        self._rest = 0.0
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Its current state; open becomes half-open by the clock alone."""
        if self._state is BreakerState.OPEN and self._clock() >= self._open_until:
            return BreakerState.HALF_OPEN
        return self._state

    @property
    def refusing(self) -> bool:
        return self._state is not BreakerState.CLOSED and (self.state is BreakerState.OPEN or self._probing)

    @property
    def opens_for(self) -> float:
        """Seconds for which it refuses, if it opens now."""
        return max(self._open_for, min(self._rest, _LONGEST_REST))

    @property
    def probes_in(self) -> float | None:
        """Seconds until it admits a probe; None if that does not depend on the clock."""
        return self._open_until - self._clock() if self.state is BreakerState.OPEN else None

    def admit(self) -> int | None:
        """Return a place for one call, or None to refuse it."""
        if self._state is BreakerState.CLOSED:
            return self._era
        if self.refusing:
            return None
        if self._state is BreakerState.OPEN:
            self._become(BreakerState.HALF_OPEN)
        self._probing = True
        return self._era

    async def enter(self) -> int | None:
        """Like `admit`; a subclass may ask others about a probe."""
        return self.admit()

    async def settled(self) -> None:
        """Wait until all who share the source know of the failures so far."""

    def succeeded(self, place: int) -> None:
        """Return the place of a call that the source answered, with any outcome."""
        if place != self._era:
            return
        self._failures = 0
        self._rest = 0.0
        if self._state is BreakerState.HALF_OPEN:
            self._become(BreakerState.CLOSED)

    def failed(self, place: int, rest: float = 0.0) -> None:
        """Return the place of a call that ended in a system failure.

        If the breaker opens, it stays open for at least `rest` seconds, but for five minutes at most.
        """
        if place != self._era:
            return
        self._failures += 1
        self._rest = rest
        if self._state is BreakerState.HALF_OPEN or self._failures >= self._limit:
            self._open_until = self._clock() + self.opens_for
            self._become(BreakerState.OPEN)

    def gave_up(self, place: int) -> None:
        """Return the place of a call that says nothing about the source, such as a cancelled one."""
        if place == self._era:
            self._probing = False

    def _become(self, state: BreakerState) -> None:
        self._state = state
        self._era += 1
        self._failures = 0
        self._probing = False
        self._on_change(state)


_PATIENCE = 2.0
"""Seconds that a call waits for an exchange: while the journal is away, it must not hold its place much longer."""


class SharedBreaker(Breaker):
    """Reports what this worker sees, and adopts the journal's state of all workers.

    The journal decides. But a grant that answers an outdated report is ignored, unless the state has changed.

    Attributes:
        wake: called on news, with its urgency.
        exchanged: waits for an exchange with the journal that begins after now.
    """

    wake: Callable[[bool], None]
    exchanged: Callable[[], Awaitable[None]]

    def __init__(
        self, failures: int, open_for: float, *, clock: Callable[[], float], on_change: Callable[[BreakerState], None]
    ) -> None:
        super().__init__(failures, open_for, clock=clock, on_change=on_change)
        # What the journal said last.
        self._known_era = 0
        self._known_failures = 0
        # What it has not been told: failures since the last answer, whether there was one, a probe without a verdict.
        self._new_failures = 0
        self._new_success = False
        self._dropped = False
        self._under_way = False  # a report with failures
        # A question asks to be the probe, may be it, is it.
        self._asking = False
        self._granted = False
        self._probes = False

    async def enter(self) -> int | None:
        """Return a place for one call, or None to refuse it. A probe needs the permission of all workers."""
        if self._closed or self.refusing:
            return self.admit()
        self._asking = self._probing = True
        self._granted = False
        try:
            await self._try_to_exchange()
        finally:
            if not self._granted:
                self._probing = self._probing and self._state is BreakerState.HALF_OPEN
            self._asking = False
        if self._granted:
            self._granted = False
            self._probes = True
            return self._era
        return self.admit() if self._closed else None

    async def settled(self) -> None:
        """Wait until the journal has this worker's failures."""
        if self._new_failures or self._under_way:
            await self._try_to_exchange()

    @property
    def has_news(self) -> bool:
        return bool(self._new_failures or self._new_success or self._dropped)

    @property
    def _closed(self) -> bool:
        return self._state is BreakerState.CLOSED

    async def _try_to_exchange(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self.exchanged()

    def succeeded(self, place: int) -> None:
        if place == self._era:
            urgent = self._known_failures or self._new_failures or not self._closed
            if urgent or not self._new_success:
                self.wake(bool(urgent))
            self._new_success, self._new_failures, self._probes = True, 0, False
        super().succeeded(place)

    def failed(self, place: int, rest: float = 0.0) -> None:
        """As in `Breaker`; while it is closed, the journal counts."""
        if place != self._era:
            return
        self._rest = rest
        self._new_failures += 1
        self._probes = False
        if not self._closed:
            super().failed(place, rest)
        self.wake(True)

    def gave_up(self, place: int) -> None:
        super().gave_up(place)
        if place == self._era and self._probes:
            self._probes, self._dropped = False, True
            self.wake(True)

    def report(self) -> BreakerNews:
        """Return the news since the last report."""
        news = BreakerNews(self._known_era, self._new_failures, self._new_success, self._asking, self._dropped)
        self._under_way = news.failures > 0
        self._new_failures, self._new_success, self._dropped = 0, False, False
        return news

    def lost(self, news: BreakerNews) -> None:
        """Restore the news of a report that has not arrived."""
        self._under_way = False
        if not self._new_success:
            self._new_failures += news.failures
            self._new_success = news.succeeded
        self._dropped |= news.dropped

    def adopt(self, grant: Grant) -> None:
        """Adopt the source's state for all workers."""
        self._under_way = False
        changed = grant.era != self._known_era
        happened = self.has_news
        self._known_era, self._known_failures = grant.era, grant.failures
        if happened and not changed:
            return
        self._new_failures, self._new_success, self._dropped = 0, False, False
        probing = grant.probe is not Probe.NOBODY
        state = BreakerState.CLOSED
        if grant.opens_in is not None:
            stays = self._state is BreakerState.HALF_OPEN and grant.opens_in <= 0
            state = BreakerState.HALF_OPEN if probing or stays else BreakerState.OPEN
            self._open_until = self._clock() + grant.opens_in
        if state is not self._state:
            self._become(state)
        self._probing = probing
        if grant.probe is Probe.MINE and not self._probes:
            # Who asked for it may be gone.
            self._granted, self._dropped = self._asking, not self._asking
            if self._dropped:
                self.wake(True)
