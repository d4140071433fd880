"""Who asks: tokens and certificates, compared with what the journal keeps of them."""

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import structlog
from starlette.requests import Request

from appealbus.core import JournalError
from appealbus.core.clocks import monotonic
from appealbus.core.management import Journal, people
from appealbus.core.management.people import Client, Credential
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import TOO_MANY_ATTEMPTS, UNAUTHENTICATED, Problem

log = structlog.get_logger(__name__)

_FRESH = 1.0
"""Seconds that what the journal says of a credential serves: so long does a revoked one count at most, here."""
_MOST = 10_000
"""Credentials, and addresses, that are remembered: there are far fewer clients, but whoever guesses makes up more."""
_EACH = 0.5
"""Seconds between two looks at whether those that wait still count: a revoked one has to end within a second."""
_MINUTE = 60.0
_NOBODYS = bytes(32)

Kept = tuple[Client, Credential, bytes]
Key = tuple[str, str]
"""The kind and the id of a credential."""
K = TypeVar("K")
V = TypeVar("V")


class Credentials:
    """Knows clients by what they show. A wrong secret and an unknown id cost the same, and get the same answer."""

    def __init__(self, journal: Journal, failed_attempts: int, metrics: Metrics) -> None:
        self._journal = journal
        self._most = failed_attempts
        self._metrics = metrics
        self._kept: OrderedDict[Key, tuple[float, asyncio.Future[Kept | None]]] = OrderedDict()
        self._watched: dict[asyncio.Event, Key] = {}
        self._wanted = asyncio.Event()
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._ids: tuple[float, frozenset[Key]] = (-_FRESH, frozenset())
        self._turn = asyncio.Lock()

    async def client(self, request: Request) -> Client:
        """Return who asks.

        Raises:
            Problem: the credentials are missing or do not count, or too many of that address did not.
            JournalError: nobody can say.

        """
        address = request.client.host if request.client is not None else ""
        shown, left = _shown(request), self._left(address)
        found = None
        # Behind one address may be many: that others guess there does not shut out who has good credentials.
        if shown is not None and (left <= 0 or await self._exists(*shown[:2])):
            found = await self._found(*shown)
        if found is None and left > 0:
            self._metrics.limited.labels("attempts").inc()
            text = "too many credentials of this address did not count"
            raise Problem(TOO_MANY_ATTEMPTS, text, headers={"Retry-After": str(int(left) + 1)})
        if found is None:
            if shown is not None or "authorization" in request.headers:
                self._note(address)
            challenge = {"WWW-Authenticate": 'Bearer realm="appealbus"'}
            raise Problem(UNAUTHENTICATED, "show a token or a certificate that counts", headers=challenge)
        return found

    def watched(self, request: Request) -> AbstractContextManager[asyncio.Event]:
        """Have an event set once what a request shows counts no more, as long as the block lasts."""
        shown = _shown(request)
        return self.watching("", "") if shown is None else self.watching(*shown[:2])

    @contextmanager
    def watching(self, kind: str, id_: str) -> Iterator[asyncio.Event]:
        """Have the same of a credential. However many wait, the journal is asked twice a second."""
        ended = asyncio.Event()
        self._watched[ended] = kind, id_
        self._wanted.set()
        try:
            yield ended
        finally:
            del self._watched[ended]
            if not self._watched:
                self._wanted.clear()

    async def run(self) -> None:
        """Look at those that are watched until cancelled."""
        while True:
            await self._wanted.wait()
            began, watched = monotonic(), dict(self._watched)
            try:
                counting = await self._journal.ask(people.counting, set(watched.values()), self._journal.now())
            except JournalError as error:
                log.warning("api.credentials_not_asked", code=error.code)
            else:
                for ended, key in watched.items():
                    if key not in counting:
                        self._kept.pop(key, None)
                        ended.set()
            await asyncio.sleep(max(0.0, _EACH - (monotonic() - began)))

    async def _found(self, kind: str, id_: str, digest: bytes) -> Client | None:
        kept = await self._keeps(kind, id_)
        same = hmac.compare_digest(_NOBODYS if kept is None else kept[2], digest)
        if kept is None or not same:
            return None
        client, credential, _ = kept
        ended = client.revoked_at is not None or credential.revoked_at is not None
        return None if ended or credential.expires_at <= self._journal.now() else client

    async def _keeps(self, kind: str, id_: str) -> Kept | None:
        known = self._kept.get((kind, id_))
        if known is None or monotonic() - known[0] >= _FRESH or _has_failed(known[1]):
            # Of many that ask at once, one asks the journal.
            known = monotonic(), asyncio.ensure_future(self._journal.ask(people.credential, kind, id_))
            known[1].add_done_callback(_has_failed)
            _remember(self._kept, (kind, id_), known)
        return await asyncio.shield(known[1])

    async def _exists(self, kind: str, id_: str) -> bool:
        """Say whether there is such a credential; however many are made up, that is a look at the journal a second."""
        async with self._turn:
            if monotonic() - self._ids[0] >= _FRESH:
                asked, clients = monotonic(), await self._journal.ask(people.all_clients)
                self._ids = (asked, frozenset((each.kind, each.id) for _, all_ in clients for each in all_))
        return (kind, id_) in self._ids[1]

    def _left(self, address: str) -> float:
        """Return for how many seconds an address that has made up too many is not believed; 0: it is."""
        since, count = self._failed.get(address, (0.0, 0))
        return max(0.0, _MINUTE - (monotonic() - since)) if count >= self._most else 0.0

    def _note(self, address: str) -> None:
        since, count = self._failed.get(address, (0.0, 0))
        if monotonic() - since >= _MINUTE:
            since, count = monotonic(), 0
        _remember(self._failed, address, (since, count + 1))


def _shown(request: Request) -> tuple[str, str, bytes] | None:
    """Return what a request shows: the kind of it, its id and its SHA-256; None where that can be none of ours."""
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        token = token.strip()
        id_ = people.split(token) if scheme.lower() == "bearer" else None
        return None if id_ is None else ("token", id_, people.digest_of(token))
    seen = request.scope.get("client_certificate")
    return None if seen is None else ("certificate", seen, bytes.fromhex(seen))


def _has_failed(asked: asyncio.Future[Any]) -> bool:
    return asked.done() and (asked.cancelled() or asked.exception() is not None)


def _remember(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _MOST:
        kept.popitem(last=False)
