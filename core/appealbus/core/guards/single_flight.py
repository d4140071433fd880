"""Single flight: identical questions that are asked at the same time make one call."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeAlias, TypeVar

import structlog

from appealbus.core.guards.question import Ended

log = structlog.get_logger(__name__)

Seat: TypeAlias = "asyncio.Future[Ended | None]"
"""What an asker awaits: how the question ended, or None where its time was up or the flight was called off."""


_CALLED_OFF = 2.0
"""Seconds for calls to end that are called off: twice what `doors.within` gives a plugin that does not let go."""


class Flight(ABC):
    """One call, and the askers who wait for what it brings. A subclass says what the call is.

    Attributes:
        key: what tells apart the questions that it answers.
        deadline: of the most patient asker so far.
        expired: the last asker left because its time was up, not because it was cancelled.
        seats: one for each asker, with the timer that clears it at that asker's own deadline.

    """

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.deadline = float("-inf")
        self.expired = False
        self.seats: dict[Seat, asyncio.TimerHandle] = {}
        self.task: asyncio.Task[Ended] | None = None

    @abstractmethod
    async def run(self) -> Ended:
        """Ask. It is cancelled once nobody waits any more, perhaps before its first step."""


F = TypeVar("F", bound=Flight)


class SingleFlight(Generic[F]):
    """The flights in the air. Each has a task of its own, so that one asker's end is not another one's.

    An asker finds or launches a flight, boards it, awaits its seat, and leaves whatever happens.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[Hashable, F] = {}
        self._tasks: set[asyncio.Task[Ended]] = set()

    def __len__(self) -> int:
        """Return how many calls have not ended, those included that are being cancelled."""
        return len(self._tasks)

    def find(self, key: Hashable) -> F | None:
        """Return the flight that will answer this question, if there is one."""
        return self._open.get(key)

    def launch(self, flight: F) -> None:
        """Start a flight. Its first step comes after the caller has had the time to board."""
        flight.task = asyncio.get_running_loop().create_task(flight.run())
        self._open[flight.key] = flight
        self._tasks.add(flight.task)
        flight.task.add_done_callback(partial(self._landed, flight))

    def board(self, flight: F, deadline: float) -> Seat:
        """Join a flight until the deadline."""
        loop = asyncio.get_running_loop()
        seat: Seat = loop.create_future()
        flight.seats[seat] = loop.call_later(deadline - self._clock(), self._expire, flight, seat)
        flight.deadline = max(flight.deadline, deadline)
        return seat

    def leave(self, flight: F, seat: Seat) -> None:
        """Give a seat back. When the last asker leaves, the call is cancelled."""
        timer = flight.seats.pop(seat, None)
        if timer is None:
            return
        timer.cancel()
        if not flight.seats and flight.task is not None and not flight.task.done():
            self._close(flight)
            flight.task.cancel()

    async def drain(self, grace: float) -> None:
        """Wait for the flights to end; call off those that have not after `grace` seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            # A plugin that swallows cancellation is left behind after a second (see doors.py).
            await asyncio.wait(self._tasks, timeout=_CALLED_OFF)

    def _expire(self, flight: F, seat: Seat) -> None:
        if flight.task is not None and flight.task.done():
            return  # it has landed in this very turn of the loop
        seat.set_result(None)
        flight.expired = len(flight.seats) == 1
        self.leave(flight, seat)

    def _close(self, flight: F) -> None:
        # Whoever asks the same from now on needs a new flight.
        if self._open.get(flight.key) is flight:
            del self._open[flight.key]

    def _landed(self, flight: F, task: "asyncio.Task[Ended]") -> None:
        self._tasks.discard(task)
        self._close(flight)
        result = None
        if not task.cancelled():
            error = task.exception()
            if error is None:
                result = task.result()
            else:
                log.error("flight.failed", error=type(error).__name__)
        for seat, timer in flight.seats.items():
            timer.cancel()
            if not seat.done():
                seat.set_result(result)
        flight.seats.clear()
