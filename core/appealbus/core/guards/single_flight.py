"""Answers that serve identical questions: of one call in flight, or fresh from the cache."""

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import structlog

from appealbus.core.guards.question import Ended
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)

Tell: TypeAlias = Callable[[Ended], object]
"""Receives the result of a question; called at most once, and never after its asker has left."""

_CALLED_OFF = 2.0
"""Seconds for cancelled calls to end: twice what `boundary.within` gives a plugin that ignores cancellation."""


class Flight(ABC):
    """One call, and its waiting askers. Subclasses define the call.

    Attributes:
        key: identifies the questions it answers; None if it serves one appeal only.
        deadline: of the most patient asker so far.
        expired: whether the last asker left on a timeout, not on cancellation.
    """

    def __init__(self, key: Hashable | None) -> None:
        self.key = key
        self.deadline = float("-inf")
        self.expired = False
        self.seats: set[Seat] = set()
        self.task: asyncio.Task[Ended] | None = None

    @abstractmethod
    async def run(self) -> Ended:
        """Ask. It is cancelled once nobody waits any more, perhaps before its first step."""

    def call_off(self) -> None:
        """Cancel it, as nobody waits any more."""
        if self.task is not None:
            self.task.cancel()

    @abstractmethod
    def unanswered(self) -> Ended:
        """Return the result for an asker whose time is up, or after cancellation."""


class Seat:
    """An asker in a flight, with a timer for the asker's own deadline."""

    __slots__ = ("flight", "tell", "timer")

    def __init__(self, flight: Flight, tell: Tell) -> None:
        self.flight = flight
        self.tell = tell
        self.timer: asyncio.TimerHandle


def into(future: "asyncio.Future[Ended]") -> Tell:
    """Return a callback that resolves a future unless it is done."""

    def tell(ended: Ended) -> None:
        if not future.done():
            future.set_result(ended)

    return tell


class SingleFlight:
    """The running flights. Each has its own task, so that the end of one asker does not affect others.

    An asker finds an open flight or launches one, boards it, and gets the result or leaves before.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.open: dict[Hashable, Flight] = {}
        """Flights that can be joined, by key."""
        self._tasks: set[asyncio.Task[Ended]] = set()

    def __len__(self) -> int:
        """Return the number of unfinished calls, including those being cancelled."""
        return len(self._tasks)

    def launch(self, flight: Flight) -> None:
        """Start a flight. Its first step runs after the caller has had the time to board."""
        task = flight.task = asyncio.get_running_loop().create_task(flight.run())
        if flight.key is not None:
            self.open[flight.key] = flight
        self._tasks.add(task)
        task.add_done_callback(partial(self._landed, flight))

    def board(self, flight: Flight, deadline: float, tell: Tell) -> Seat:
        """Join a flight until the deadline, for its result."""
        seat = Seat(flight, tell)
        seat.timer = asyncio.get_running_loop().call_later(deadline - self._clock(), self.expire, seat)
        flight.seats.add(seat)
        flight.deadline = max(flight.deadline, deadline)
        return seat

    def leave(self, seat: Seat) -> None:
        """Give a seat back without a result. When the last asker leaves, the call is cancelled."""
        flight = seat.flight
        if seat not in flight.seats:
            return
        flight.seats.remove(seat)
        seat.timer.cancel()
        if not flight.seats and flight.task is not None and not flight.task.done():
            self._close(flight)
            flight.call_off()

    def expire(self, seat: Seat) -> None:
        """Give an asker whose time is up the result so far, and take its seat back."""
        flight = seat.flight
        if seat not in flight.seats or (flight.task is not None and flight.task.done()):
            return  # it has left, or the flight has landed in this very turn of the loop
        flight.expired = len(flight.seats) == 1
        stands = flight.unanswered()
        self.leave(seat)
        seat.tell(stands)

    async def drain(self, grace: float) -> None:
        """Wait for the flights to end; cancel those still running after `grace` seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            # A plugin that swallows cancellation is left behind after a second (see `plugin_calls.boundary`).
            await asyncio.wait(self._tasks, timeout=_CALLED_OFF)

    def _close(self, flight: Flight) -> None:
        # Whoever asks the same from now on needs a new flight.
        if flight.key is not None and self.open.get(flight.key) is flight:
            del self.open[flight.key]

    def _landed(self, flight: Flight, task: "asyncio.Task[Ended]") -> None:
        self._tasks.discard(task)
        self._close(flight)
        result = None
        if not task.cancelled():
            error = task.exception()
            if error is None:
                result = task.result()
            else:
                log.error("flight.failed", error=type(error).__name__)
        seats, flight.seats = flight.seats, set()
        for seat in seats:
            seat.timer.cancel()
            seat.tell(result or flight.unanswered())


_LARGEST = 8 * 1024
"""Bytes of packed replies cached with an answer, four times the usual size; larger ones are not cached."""
REMEMBERED = frozenset({OutcomeKind.FOUND, OutcomeKind.NOT_FOUND})
"""Answers of a register; anything else is worth asking again."""


class Freshness:
    """Keeps answers for `ttl` seconds, and stale ones for `stale` more; at most `entries` of them (LRU)."""

    def __init__(self, ttl: float, entries: int, *, clock: Callable[[], float], stale: float = 0.0) -> None:
        self._ttl = ttl
        self._longest = max(ttl, stale)
        self._stale = stale
        self._entries = entries
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Ended]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, *, stale: bool = False) -> Ended | None:
        """Return the fresh answer for this key, or one that may serve while the source cannot be asked, or None."""
        entry = self._kept.get(key)
        if entry is None:
            return None
        age = self._clock() - entry[0]
        if age >= self._longest:
            del self._kept[key]
        if age >= (self._stale if stale else self._ttl):
            return None
        self._kept.move_to_end(key)
        return entry[1]

    def drop(self, key: Hashable) -> None:
        self._kept.pop(key, None)

    def put(self, key: Hashable, ended: Ended) -> None:
        """Keep the result if it is an answer of the register."""
        if self._longest <= 0 or ended.outcome.kind not in REMEMBERED:
            return
        now = self._clock()
        replies = ended.replies if ended.replies is None or len(ended.replies.packed) <= _LARGEST else None
        self._kept[key] = (now, replace(ended, replies=replies, written=None))
        self._kept.move_to_end(key)
        # Personal data does not stay longer than it serves, as far as a look at the old end can tell.
        while self._kept and (
            len(self._kept) > self._entries or now - next(iter(self._kept.values()))[0] >= self._longest
        ):
            self._kept.popitem(last=False)
