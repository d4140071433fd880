"""The circuit breaker: stops asking a failing source, and detects when it is back."""

from collections.abc import Callable

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
