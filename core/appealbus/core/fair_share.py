"""What many want of a server at once, shared fairly: however much one of them wants, the others get in."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

requester: ContextVar[str] = ContextVar("requester", default="")
"""For whom the work of this task is: a channel, a client, a receiver or an address; empty: for the program itself."""


@contextmanager
def on_behalf_of(name: str) -> Iterator[None]:
    """Work for somebody as long as the block lasts."""
    token = requester.set(name)
    try:
        yield
    finally:
        requester.reset(token)


class FairShare:
    """A number of places, or of bytes, that requesters take and give back.

    Whoever has some gets more only while enough stays free: their whole holding is at most `spread` times what is left.
    So one alone can use `spread / (spread + 1)` of the total and never all of it, several divide it, and who has
    nothing gets a place at once, or as soon as one is given back. Waiting requesters take turns. The program itself may
    have everything.

    Args:
        total: the places or bytes.
        spread: how many times what is left free one requester may hold.

    """

    def __init__(self, total: int, spread: int = 1) -> None:
        self._free = total
        self._spread = spread
        self._held: dict[str, int] = {}
        # By requester, in the order of their turns.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def held(self, who: str) -> int:
        """Return how much a requester holds."""
        return self._held.get(who, 0)

    def take(self, who: str, amount: int = 1) -> bool:
        """Take some at once; return whether the requester got it."""
        held, left = self._held.get(who, 0), self._free - amount
        if left < 0 or (held and who and held + amount > self._spread * left):
            return False
        self._free = left
        self._held[who] = held + amount
        return True

    def give_back(self, who: str, amount: int = 1) -> None:
        """Give back some of what a requester holds."""
        self._free += amount
        self._held[who] -= amount
        if not self._held[who]:
            del self._held[who]
        if self._waiting:
            self._hand_out()

    async def wait(self, who: str) -> None:
        """Take one place, after all that the requester waits for already."""
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
        """Have one place as long as the block lasts, for whom this task works."""
        who = requester.get()
        await self.wait(who)
        try:
            yield
        finally:
            self.give_back(who)

    def _hand_out(self) -> None:
        """Give what is free to those who wait, one place to each in turn."""
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
