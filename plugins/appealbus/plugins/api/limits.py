"""How many requests a client makes in a minute, over all servers: each takes some of them from the journal at once."""

import asyncio
from dataclasses import dataclass, field

from appealbus.core.management import Journal, people
from appealbus.core.management.people import Client
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import RATE_LIMITED, Problem

_MINUTE = 60
_PARTS = 20
"""Parts in which the requests of a minute are taken: with more, the journal is asked more often; with fewer, one server
takes more of them than its share."""


@dataclass(slots=True)
class _Share:
    """What this server has of a client's requests of a minute."""

    minute: int = -1
    left: int = 0
    used: int = 0
    over: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limits:
    """Counts requests."""

    def __init__(self, journal: Journal, per_minute: int, metrics: Metrics) -> None:
        self._journal = journal
        self._per_minute = per_minute
        self._metrics = metrics
        self._shares: dict[str, _Share] = {}

    async def take(self, client: Client) -> dict[str, str]:
        """Count a request; return the headers that tell how many are left, as far as this server knows.

        Raises:
            Problem: there are none left in this minute.
            JournalError: nobody can say.

        """
        most = client.per_minute or self._per_minute
        share = self._shares.setdefault(client.name, _Share())
        second = int(self._journal.now().timestamp())
        minute, left = second // _MINUTE, _MINUTE - second % _MINUTE
        async with share.turn:
            if share.minute != minute:
                share.minute, share.left, share.used, share.over = minute, 0, 0, False
            if not share.left and not share.over:
                wanted = max(1, most // _PARTS)
                share.left = await self._journal.do(people.RequestAllowance(client.name, minute, wanted, most))
                share.over = not share.left
            taken = share.left > 0
            if taken:
                share.left -= 1
                share.used += 1
        remain = 0 if share.over else max(0, most - share.used)
        headers = {"RateLimit-Policy": f'"minute";q={most};w={_MINUTE}', "RateLimit": f'"minute";r={remain};t={left}'}
        if not taken:
            self._metrics.limited.labels("rate").inc()
            text = f"the client has made its {most} requests of this minute"
            raise Problem(RATE_LIMITED, text, headers={**headers, "Retry-After": str(left)})
        return headers
