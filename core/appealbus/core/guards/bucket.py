"""The token bucket: so many calls a second, and a few at once."""

import asyncio
import math
from collections.abc import Callable

_IDLE = 0.1
"""So few tokens in the last second or so count as none: what is left of a usage that dies away."""
_ROUNDING = 1e-9
"""What rounding leaves short of a whole token must not cost another turn."""


class Bucket:
    """Hands out tokens first come, first served, at a steady rate; up to `burst` of them wait for takers.

    It is made of `burst` equal parts, each for one token, that can be taken away and given back.

    Attributes:
        rate: tokens a second of all parts.
        burst: parts in all.
        parts: that it has now; they bring their part of the rate.
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
        """Return how many wait for a token."""
        return len(self._queue)

    async def take(self, deadline: float) -> bool:
        """Take one token; return False, at once, where none can be had before the deadline."""
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
        """Return how many parts it takes to let leave what left during the last second or so, and one more.

        All of them, where somebody has had to wait since this was last asked.
        """
        now = self._clock()
        self._usage = self._usage * math.exp(self._asked_at - now) + self._taken
        self._asked_at, self._taken = now, 0
        waited, self._waited = self._waited or len(self) > 0, False
        if waited:
            return self.burst
        return min(self.burst, math.ceil(self._usage * self.burst / self.rate) + 1) if self._usage > _IDLE else 0

    def resize(self, parts: int, tokens: float) -> float:
        """Have so many parts from now on, and these tokens more; return the tokens that have no room there."""
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
