"""Who asks: tokens and certificates, compared with what the journal keeps of them."""

import asyncio
import hmac
from collections import OrderedDict
from typing import TypeVar

from starlette.requests import Request

from appealbus.core.clocks import monotonic
from appealbus.core.domain.client import Client, Credential
from appealbus.core.journal.journal import Journal
from appealbus.core.rights import tokens
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import TOO_MANY_ATTEMPTS, UNAUTHENTICATED, Problem

_FRESH = 1.0
"""Seconds that what the journal says of a credential serves: so long does a revoked one count at most, here."""
_MOST = 10_000
"""Credentials, and addresses, that are remembered: there are far fewer clients, but whoever guesses makes up more."""
_MINUTE = 60.0
_NOBODYS = bytes(32)

Kept = tuple[Client, Credential, bytes]
K = TypeVar("K")
V = TypeVar("V")


class Credentials:
    """Knows clients by what they show. A wrong secret and an unknown id cost the same, and get the same answer."""

    def __init__(self, journal: Journal, failed_attempts: int, metrics: Metrics) -> None:
        self._journal = journal
        self._most = failed_attempts
        self._metrics = metrics
        self._kept: OrderedDict[tuple[str, str], tuple[float, Kept | None]] = OrderedDict()
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._ids: tuple[float, frozenset[tuple[str, str]]] = (-_FRESH, frozenset())
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
        if known is not None and monotonic() - known[0] < _FRESH:
            return known[1]
        asked = monotonic()
        kept = await self._journal.credential(kind, id_)
        _remember(self._kept, (kind, id_), (asked, kept))
        return kept

    async def _exists(self, kind: str, id_: str) -> bool:
        """Say whether there is such a credential; however many are made up, that is a look at the journal a second."""
        async with self._turn:
            if monotonic() - self._ids[0] >= _FRESH:
                asked, clients = monotonic(), await self._journal.clients()
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
        id_ = tokens.split(token) if scheme.lower() == "bearer" else None
        return None if id_ is None else ("token", id_, tokens.digest_of(token))
    seen = request.scope.get("client_certificate")
    return None if seen is None else ("certificate", seen, bytes.fromhex(seen))


def _remember(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _MOST:
        kept.popitem(last=False)
