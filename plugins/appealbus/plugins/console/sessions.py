"""Sessions. A session is a client credential like a token: the journal keeps its SHA-256 and its expiry.

So it is valid on every server, ends when the client is revoked, and needs no table of its own.
"""

import base64
import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.core.management import Journal, people
from appealbus.core.management.log import by_person
from appealbus.core.management.people import Client, Credential
from appealbus.plugins.console.settings import ConsoleSettings

SESSION = "session"
LINK = "link"
"""Kinds of credentials that the API rejects."""
_EACH = 20
"""A session's expiry is rewritten this many times within the idle time; more would cost a write per click."""


@dataclass(frozen=True, slots=True)
class Session:
    client: Client
    credential: Credential
    secret: str

    @property
    def csrf(self) -> str:
        return hmac.new(self.secret.encode(), b"csrf", sha256).hexdigest()

    @property
    def key(self) -> bytes:
        """Key that encrypts page state in URLs for this session."""
        return base64.urlsafe_b64encode(hmac.new(self.secret.encode(), b"urls", sha256).digest())


class Sessions:
    def __init__(self, journal: Journal, settings: ConsoleSettings) -> None:
        self._journal = journal
        self._idle = timedelta(seconds=settings.idle)
        self._longest = timedelta(seconds=settings.longest)
        self._renewing: set[str] = set()
        """Sessions whose expiry is being written: parallel requests of one person need a single write."""

    async def redeem(self, link: str) -> Client | None:
        """Use a one-time link up and return its client; None if it is invalid, expired or already used."""
        found = await self._counting(LINK, link)
        if found is None:
            return None
        client, credential = found
        used = await self._as(client).do(people.Revoking(client.name, credential.id))
        return client if used else None

    async def begin(self, client: Client) -> str:
        """Begin a session of an authenticated client; return its secret, which is always new."""
        secret, mark, digest = people.new_token()
        now = self._journal.now()
        new = Credential(mark, SESSION, now, now + min(self._idle, self._longest))
        await self._as(client).do(people.NewCredential(client.name, new, digest, None))
        return secret

    async def of(self, request: Request, *, renew: bool = True) -> Session | None:
        """Return the session of a request, read from the journal each time; None if it is invalid or expired.

        Each request extends the session, unless `renew` is False.
        """
        secret = request.cookies.get(cookie_name(request), "")
        found = await self._counting(SESSION, secret)
        if found is None:
            return None
        client, credential = found
        now = self._journal.now()
        ends = min(now + self._idle, credential.created_at + self._longest)
        if ends <= now:
            return None
        if renew and ends - credential.expires_at > self._idle / _EACH:
            await self._renew(client, credential, ends)
        return Session(client, credential, secret)

    async def _renew(self, client: Client, credential: Credential, ends: datetime) -> None:
        if credential.id in self._renewing:
            return
        self._renewing.add(credential.id)
        try:
            with suppress(JournalError):  # reading goes on where nothing can be written: it counts until it ends
                await self._journal.do(people.Renewing(client.name, credential.id, ends))
        finally:
            self._renewing.discard(credential.id)

    async def end(self, session: Session) -> None:
        await self._as(session.client).do(people.Revoking(session.client.name, session.credential.id))

    def _as(self, client: Client) -> Journal:
        return self._journal.acting(by_person(client.name))

    async def _counting(self, kind: str, shown: str) -> tuple[Client, Credential] | None:
        mark = people.split(shown)
        kept = None if mark is None else await self._journal.ask(people.credential, kind, mark)
        if kept is None or not people.same(shown, kept[2]):
            return None
        client, credential, _ = kept
        ended = client.revoked_at is not None or credential.revoked_at is not None
        return None if ended or credential.expires_at <= self._journal.now() else (client, credential)


def cookie_name(request: Request) -> str:
    """Return the cookie name; over TLS with the `__Host-` prefix, so that no other host or path can set it."""
    return "__Host-appealbus" if request.url.scheme == "https" else "appealbus"


def give_cookie(request: Request, response: Response, secret: str) -> None:
    """Set the session cookie; the browser drops it when it closes."""
    secure = request.url.scheme == "https"
    response.set_cookie(cookie_name(request), secret, path="/", secure=secure, httponly=True, samesite="lax")


def give_sent(request: Request, response: Response) -> None:
    """Tell the page's script, for one minute, which form was accepted, so that it forgets the saved input."""
    done, secure = quote(request.url.path, safe=""), request.url.scheme == "https"
    response.set_cookie("sent", done, max_age=60, path="/console", secure=secure, samesite="strict")


def take_cookie(request: Request, response: Response) -> None:
    secure = request.url.scheme == "https"
    response.delete_cookie(cookie_name(request), path="/", secure=secure, httponly=True, samesite="lax")
