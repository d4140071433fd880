"""The circuit breaker: stops asking a source that fails, and finds out when it is back."""

from collections.abc import Callable

from appealbus.core.domain.source_state import BreakerState

_LONGEST_REST = 300.0
"""Seconds. A source may say any number; one that is back is to be used again before long."""


class Breaker:
    """Opens after so many system failures in a row; later lets one probe decide whether to close.

    `admit` gives a place, which must come back by exactly one of `succeeded`, `failed` and `gave_up`. A place
    given before the last change of state says nothing about the source as it is now: it is ignored.
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
        """How it stands now; open turns half open by the clock alone."""
        if self._state is BreakerState.OPEN and self._clock() >= self._open_until:
            return BreakerState.HALF_OPEN
        return self._state

    @property
    def refusing(self) -> bool:
        """Whether `admit` would refuse now."""
        return self._state is not BreakerState.CLOSED and (self.state is BreakerState.OPEN or self._probing)

    @property
    def opens_for(self) -> float:
        """Seconds for which it refuses, if it opens now."""
        return max(self._open_for, min(self._rest, _LONGEST_REST))

    @property
    def probes_in(self) -> float | None:
        """Seconds until it lets a probe pass; None where that does not hang on the clock."""
        return self._open_until - self._clock() if self.state is BreakerState.OPEN else None

    def admit(self) -> int | None:
        """Return a place for one call; None to refuse it."""
        if self._state is BreakerState.CLOSED:
            return self._era
        if self.refusing:
            return None
        if self._state is BreakerState.OPEN:
            self._become(BreakerState.HALF_OPEN)
        self._probing = True
        return self._era

    async def enter(self) -> int | None:
        """Return a place for one call; None to refuse it. Others may have a say in who probes."""
        return self.admit()

    async def settled(self) -> None:
        """Wait until all who share the source know of the failures so far."""

    def succeeded(self, place: int) -> None:
        """Take back the place of a call that the source answered, whatever the answer."""
        if place != self._era:
            return
        self._failures = 0
        self._rest = 0.0
        if self._state is BreakerState.HALF_OPEN:
            self._become(BreakerState.CLOSED)

    def failed(self, place: int, rest: float = 0.0) -> None:
        """Take back the place of a call that ended in a system failure.

        Args:
            place: of the call.
            rest: seconds for which the source wants to be left alone: if it opens, it does so for no less, but five
                minutes at most.

        """
        if place != self._era:
            return
        self._failures += 1
        self._rest = rest
        if self._state is BreakerState.HALF_OPEN or self._failures >= self._limit:
            self._open_until = self._clock() + self.opens_for
            self._become(BreakerState.OPEN)

    def gave_up(self, place: int) -> None:
        """Take back the place of a call that says nothing about the source, such as a cancelled one."""
        if place == self._era:
            self._probing = False

    def _become(self, state: BreakerState) -> None:
        self._state = state
        self._era += 1
        self._failures = 0
        self._probing = False
        self._on_change(state)
