"""Sign-in by OpenID Connect: the code flow with PKCE, by Authlib.

The state of a sign-in is in an encrypted cookie, so that any server can finish what another one began.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import structlog
from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import AppealBusError, JournalError
from appealbus.core.management import Journal, people
from appealbus.core.management.people import Client, Role
from appealbus.plugins.console.settings import OidcSettings

log = structlog.get_logger(__name__)

COOKIE = "appealbus-oidc"
_LIVES = 600
"""Seconds for a sign-in at the provider, with password and second factor."""
_WAIT = 10.0
"""Timeout in seconds for each answer of the provider."""
_SIGNED = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")
"""Accepted signature algorithms of tokens: asymmetric only, never `none`."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,50}", re.ASCII)


class NotSignedIn(AppealBusError):
    """The sign-in failed: the provider gave no identity, or the identity has no role. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Somebody:
    name: str
    role: Role
    by: str
    """Hash of the provider and its subject: if the provider gives a name to another person, the hash differs."""


class Oidc:
    MARK = "oidc:"
    """Prefix of `created_by` for clients created by this sign-in."""

    def __init__(self, settings: OidcSettings, journal: Journal) -> None:
        # Imported here: whoever signs in by links alone needs none of it.
        from authlib.common.errors import AuthlibBaseError
        from authlib.integrations.starlette_client import OAuth
        from httpx2 import HTTPError
        from joserfc.errors import JoseError

        self._failures = (AuthlibBaseError, JoseError, HTTPError, ValueError, RuntimeError)
        self._settings = settings
        self._journal = journal
        self._secret = settings.client_secret.get()
        self._seal = Fernet(base64.urlsafe_b64encode(hmac.digest(self._secret.encode(), b"console sign-in", "sha256")))
        self._app: Any = OAuth().register(
            "provider",
            client_id=settings.client_id,
            client_secret=self._secret,
            server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": settings.scope, "code_challenge_method": "S256", "timeout": _WAIT},
        )
        self._back = f"{settings.url.rstrip('/')}/console/oidc/back"
        self._out = f"{settings.url.rstrip('/')}/console/enter"

    async def start(self, request: Request, to: str) -> Response:
        request.scope["session"] = {}
        try:
            await self._metadata()
            answer: Response = await self._app.authorize_redirect(request, self._back)
        except self._failures as error:
            raise self._failed(error) from None
        kept = {"to": to, "session": request.scope["session"]}
        answer.set_cookie(
            COOKIE,
            self._seal.encrypt_at_time(orjson.dumps(kept), self._now()).decode(),
            max_age=_LIVES,
            path="/console/oidc",
            secure=self._back.startswith("https:"),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def finish(self, request: Request) -> tuple[Somebody, str]:
        """Return the authenticated person and the page they wanted; raise NotSignedIn if the sign-in failed."""
        try:
            shown = request.cookies.get(COOKIE, "").encode()
            kept = orjson.loads(self._seal.decrypt_at_time(shown, _LIVES, self._now()))
        except (InvalidToken, ValueError):
            raise NotSignedIn("oidc.not_begun") from None
        request.scope["session"] = kept["session"]
        try:
            await self._metadata()
            token = await self._app.authorize_access_token(request)
        except self._failures as error:
            raise self._failed(error) from None
        claims = token.get("userinfo")
        if not claims:
            raise NotSignedIn("oidc.no_id_token")
        return self._somebody(claims), str(kept["to"])

    async def way_out(self) -> str | None:
        """Return the provider's sign-out URL; None if it has none or is unreachable.

        No token is kept for it, so the provider asks the person to confirm.
        """
        try:
            ends = (await self._metadata()).get("end_session_endpoint")
            if not isinstance(ends, str) or urlsplit(ends).scheme not in (
                "https",
                urlsplit(self._settings.issuer).scheme,
            ):
                return None
        except (NotSignedIn, *self._failures) as error:
            log.warning("console.sign_out_failed", error=type(error).__name__)
            return None
        said = urlencode({"client_id": self._settings.client_id, "post_logout_redirect_uri": self._out})
        return f"{ends}{'&' if urlsplit(ends).query else '?'}{said}"

    async def _metadata(self) -> dict[str, Any]:
        """Load the provider's metadata; checks the issuer and drops insecure signature algorithms."""
        known: dict[str, Any] = await self._app.load_server_metadata()
        if known.get("issuer") != self._settings.issuer:
            raise NotSignedIn("oidc.issuer")
        offered = known.get("id_token_signing_alg_values_supported") or ["RS256"]
        known["id_token_signing_alg_values_supported"] = [each for each in offered if each in _SIGNED]
        return known

    def _now(self) -> int:
        """Return the journal's time in seconds: the same on all servers."""
        return int(self._journal.now().timestamp())

    def _somebody(self, claims: dict[str, Any]) -> Somebody:
        settings = self._settings
        name, given = claims.get(settings.name_claim), claims.get(settings.role_claim)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise NotSignedIn("oidc.name")
        theirs = {given} if isinstance(given, str) else {str(each) for each in given or ()}
        role = next((role for value, role in settings.roles.items() if value in theirs), None)
        if role is None:
            raise NotSignedIn("oidc.no_role")
        subject = hashlib.sha256(f"{settings.issuer}\n{claims['sub']}".encode()).hexdigest()[:32]
        return Somebody(name, role, f"{Oidc.MARK}{subject}")

    def _failed(self, error: Exception) -> NotSignedIn:
        log.warning("console.sign_in_failed", error=type(error).__name__)
        return NotSignedIn("oidc.failed")


async def client_of(journal: Journal, who: Somebody) -> Client:
    """Return the person's client, new or existing: `NAME`, or `NAME-ROLE` if they came with another role before.

    Raises:
        NotSignedIn: the name belongs to somebody else, or the person is revoked under any name.
    """
    known = {client.name.lower(): client for client, _ in await journal.ask(people.all_clients)}
    # At many providers people choose their names themselves: another one, or another role, lets nobody in again.
    if any(each.created_by == who.by and each.revoked_at is not None for each in known.values()):
        raise NotSignedIn("oidc.revoked")
    for name in (who.name, f"{who.name}-{who.role.value}"):
        found = known.get(name.lower())
        if found is None:
            new = Client(name, who.role, "", (), (), None, journal.now(), who.by)
            try:
                await journal.do(people.NewClient(new))
            except JournalError as error:
                if error.code != "client.known":
                    raise
                return await client_of(journal, who)  # another server was faster
            return new
        if found.created_by != who.by or found.name != name:
            raise NotSignedIn("oidc.name_taken")
        if found.role is who.role:
            return found
    raise NotSignedIn("oidc.name_taken")
