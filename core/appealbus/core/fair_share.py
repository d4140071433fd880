"""Fair sharing of a limited resource: no requester can keep the others out."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

requester: ContextVar[str] = ContextVar("requester", default="")
"""The requester of this task: a channel, a client, a receiver or an address; empty: the program itself."""


@contextmanager
def on_behalf_of(name: str) -> Iterator[None]:
    """Set the requester for the block."""
    token = requester.set(name)
    try:
        yield
    finally:
        requester.reset(token)


class FairShare:
    """A number of slots, or bytes, that requesters take and return.

    A requester may hold at most `spread` times what stays free. So one alone can use `spread / (spread + 1)` of the
    total and never all of it, several divide it, and a new one gets a slot at once, or as soon as one is returned.
    Waiting requesters take turns. The program itself has no limit.
    """

    def __init__(self, total: int, spread: int = 1) -> None:
        self._free = total
        self._spread = spread
        self._held: dict[str, int] = {}
        # By requester, in the order of their turns.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def held(self, who: str) -> int:
        return self._held.get(who, 0)

    def take(self, who: str, amount: int = 1) -> bool:
        """Take some at once; return whether that was possible."""
        held, left = self._held.get(who, 0), self._free - amount
        if left < 0 or (held and who and held + amount > self._spread * left):
            return False
        self._free = left
        self._held[who] = held + amount
        return True

    def give_back(self, who: str, amount: int = 1) -> None:
        self._free += amount
        self._held[who] -= amount
        if not self._held[who]:
            del self._held[who]
        if self._waiting:
            self._hand_out()

    async def wait(self, who: str) -> None:
        """Take one slot, after all that the requester already waits for."""
        if who not in self._waiting and self.take(who):
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it came in the same moment
                self.give_back(who)
            else:
                self._hand_out()
            raise

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one slot during the block, for this task's requester."""
        who = requester.get()
        await self.wait(who)
        try:
            yield
        finally:
            self.give_back(who)

    def _hand_out(self) -> None:
        """Give free slots to waiting requesters, one each in turn."""
        more = True
        while more:
            more = False
            for who in list(self._waiting):
                queue = self._waiting[who]
                while queue and queue[0].done():
                    queue.popleft()
                if queue and self.take(who):
                    queue.popleft().set_result(None)
                    self._waiting[who] = self._waiting.pop(who)
                    more = True
                if not queue:
                    del self._waiting[who]
