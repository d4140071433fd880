"""A token bucket: a rate of calls per second, and short bursts."""

import asyncio
import math
from collections.abc import Callable

_IDLE = 0.1
"""Fewer recent tokens count as none: the rest of a usage that is decaying."""
_ROUNDING = 1e-9
"""Tolerance, so that rounding errors do not cost another turn."""


class Bucket:
    """Hands out tokens in order of arrival, at a steady rate; up to `burst` of them accumulate.

    It consists of `burst` equal parts, of one token each, that can be removed and returned.

    Attributes:
        rate: tokens per second of all parts.
        burst: total number of parts.
        parts: current number; the effective rate is proportional.
        on_wait: called when somebody has to wait.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.burst = burst
        self.parts = burst
        self.on_wait: Callable[[], None] | None = None
        self._rate = rate
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at: float | None = None
        # A dict, because one that gives up leaves from the middle of the queue.
        self._queue: dict[asyncio.Future[None], None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._taken = 0  # since `take_need` was last asked
        self._waited = False
        self._usage = 0.0
        self._asked_at = 0.0

    def __len__(self) -> int:
        """Return the number of waiters."""
        return len(self._queue)

    async def take(self, deadline: float) -> bool:
        """Take one token; False, at once, if none will be available before the deadline."""
        self._fill()
        if not self._queue and self._tokens >= 1:
            self._tokens -= 1
            self._taken += 1
            return True
        # Nobody overtakes, so the place in the queue says when the token comes; no timer of one's own is needed.
        # Parts that are elsewhere now may come back before.
        if self._clock() + (len(self._queue) + 1 - self._tokens) / self.rate > deadline:
            return False
        token: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[token] = None
        self._waited = True
        self._arm()
        if self.on_wait is not None:
            self.on_wait()
        try:
            await token
        except asyncio.CancelledError:
            if token.done() and not token.cancelled():
                self._tokens += 1
                self._taken -= 1
                self._arm()
            raise
        finally:
            self._queue.pop(token, None)
        return True

    def take_need(self) -> int:
        """Return the parts needed for the tokens of about the last second, and one more.

        All parts, if somebody has had to wait since the last call.
        """
        now = self._clock()
        self._usage = self._usage * math.exp(self._asked_at - now) + self._taken
        self._asked_at, self._taken = now, 0
        waited, self._waited = self._waited or len(self) > 0, False
        if waited:
            return self.burst
        return min(self.burst, math.ceil(self._usage * self.burst / self.rate) + 1) if self._usage > _IDLE else 0

    def resize(self, parts: int, tokens: float) -> float:
        """Set the number of parts, and add tokens; return the tokens that exceed the capacity."""
        self._fill()
        self.parts = parts
        self._rate = self.rate * parts / self.burst
        self._tokens += tokens
        surplus = max(0.0, self._tokens - parts)
        self._tokens -= surplus
        if self._timer is not None:
            self._timer.cancel()
        self._serve()
        return surplus

    def _fill(self) -> None:
        now = self._clock()
        if self._filled_at is not None:
            self._tokens = min(self.parts, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    def _arm(self) -> None:
        if self._timer is None and self._queue and self.parts:
            pause = max(0.0, (1 - self._tokens) / self._rate)
            self._timer = asyncio.get_running_loop().call_later(pause, self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._fill()
        while self._queue and self._tokens >= 1 - _ROUNDING:
            token = next(iter(self._queue))
            del self._queue[token]
            if not token.done():
                self._tokens -= 1
                self._taken += 1
                token.set_result(None)
        self._arm()
