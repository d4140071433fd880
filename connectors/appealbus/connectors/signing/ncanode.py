"""Client of a signing service with NCANode's API, version 3: it receives our key with each message to sign."""

import asyncio
import base64
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any, AnyStr, ClassVar, Final, NoReturn

import aiohttp
import orjson
from aiohttp.abc import ResolveResult
from yarl import URL

from appealbus.connectors.signing.signer import Signer
from appealbus.core import CallFailed, ConfigError, LinkState, LinkStatus
from appealbus.core.clocks import monotonic
from appealbus.core.config.files import writable_by_others
from appealbus.schemas.outcome import OutcomeKind

PAUSE: Final = 60.0
"""Seconds before a service that refused our key receives it again: someone has to fix it first."""
_OVERHEAD: Final = 64 * 1024
"""Bytes that a signature with a certificate may add to a message; 5,000 are usual."""
_MAX_KEY: Final = 1024 * 1024
_MENDED = {
    LinkStatus.DOWN: "the signing service cannot be reached, or fails; start it, or mend url",
    LinkStatus.REFUSED: "the signing service refuses our key; mend key, key_password or key_alias",
}


def checked_url(url: str) -> str:
    """Check the URL of a signing service. It must be on this machine, as it receives the key and its password.

    Raises:
        ValueError: it is not `http://` with a loopback address, and not `unix:/path/of/the.socket`.
    """
    if url.startswith("unix:/"):
        return url
    parsed = URL(url)
    host = parsed.host or ""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if parsed.scheme != "http" or not loopback or set("?#") & set(url) or parsed.user:
        raise ValueError('write url = "http://127.0.0.1:14579" or "unix:/run/ncanode.sock": the key must not leave')
    return url.rstrip("/")


class _OnThisMachine(aiohttp.ThreadedResolver):
    """Accepts only loopback addresses for localhost, whatever a name server returns."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await super().resolve(host, port, family)
        if not all(ip_address(address["host"]).is_loopback for address in addresses):
            raise OSError(f"{host} is not this machine")
        return addresses


class NcaNode:
    """Client of the service, with the key. Each call has a connection of its own."""

    def __init__(self, url: str, key: Path, password: str, alias: str | None, seconds: float) -> None:
        if problem := writable_by_others(key):
            raise ConfigError(problem)
        try:
            with key.open("rb") as file:
                content = file.read(_MAX_KEY + 1)
        except OSError as error:
            raise ConfigError(f"{key} cannot be read: {error.strerror}") from None
        if not content or len(content) > _MAX_KEY:
            raise ConfigError(f"{key}: not a PKCS #12 file of at most {_MAX_KEY} bytes")
        self._socket = url.removeprefix("unix:") if url.startswith("unix:") else None
        self._base = "http://localhost" if self._socket is not None else url
        self._seconds = seconds
        self._key = {"key": base64.b64encode(content).decode(), "password": password}
        if alias is not None:
            self._key["keyAlias"] = alias
        self._status = LinkStatus.UP
        self._refused_until = 0.0

    def link(self, name: str) -> LinkState:
        """Return the state of the service, by its last answer."""
        return LinkState(name, self._status, _MENDED.get(self._status, ""))

    async def sign_message(self, xml: str) -> str:
        """Return the SOAP message with a WS-Security signature. Raises CallFailed `wssec.signer_…`."""
        return await self._signed("/wsse/sign", {"xml": xml, **self._key, "trimXml": False}, len(xml))

    async def sign_document(self, xml: str) -> str:
        """Return the document with an enveloped signature. Raises as `sign_message`."""
        return await self._signed("/xml/sign", {"xml": xml, "signers": [self._key], "trimXml": False}, len(xml))

    async def _signed(self, path: str, document: dict[str, object], size: int) -> str:
        if monotonic() < self._refused_until:
            raise _failed("wssec.signer_refused", _MENDED[LinkStatus.REFUSED])
        # Each character may take six bytes in JSON, and four in the answer's UTF-8.
        status, answer = await self._exchange(path, orjson.dumps(document), 6 * size + _OVERHEAD)
        if status == 400:
            self._refused_until = monotonic() + PAUSE
            self._fail(LinkStatus.REFUSED, "wssec.signer_refused")
        if status != 200:
            self._fail(LinkStatus.DOWN, "wssec.signer_down")
        try:
            read = orjson.loads(answer)
        except orjson.JSONDecodeError:
            read = None
        match read:
            case {"status": 200, "xml": str(xml)}:
                self._status = LinkStatus.UP
                return xml
        raise self.wrong_answer()

    def wrong_answer(self) -> CallFailed:
        """Return the failure of a service that returned something else than the signed input."""
        self._status = LinkStatus.DOWN
        return _failed("wssec.signer_answer", "the signing service did not return our message with one signature")

    async def _exchange(self, path: str, body: bytes, limit: int) -> tuple[int, bytes]:
        connector: aiohttp.BaseConnector
        if self._socket:
            connector = aiohttp.UnixConnector(self._socket)
        else:
            connector = aiohttp.TCPConnector(force_close=True, resolver=_OnThisMachine())
        try:
            async with (
                asyncio.timeout(self._seconds),
                aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
                session.post(
                    f"{self._base}{path}",
                    data=body,
                    headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                    allow_redirects=False,
                ) as response,
            ):
                answer = bytearray()
                async for chunk in response.content.iter_any():
                    answer += chunk
                    if len(answer) > limit:
                        self._fail(LinkStatus.DOWN, "wssec.signer_down")
                return response.status, bytes(answer)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._fail(LinkStatus.DOWN, "wssec.signer_down")

    def _fail(self, status: LinkStatus, code: str) -> NoReturn:
        self._status = status
        raise _failed(code, _MENDED[status]) from None


class ServiceSigner(Signer[AnyStr]):
    """Signs through the service. `probe` is what it signs as a test."""

    probe: ClassVar[Any]

    def __init__(self, service: NcaNode) -> None:
        self._service = service

    def link(self, name: str) -> LinkState:
        return self._service.link(name)

    async def health(self) -> str | None:
        """Sign a test: only a signature shows whether a service accepts our key."""
        try:
            await self.sign(self.probe)
        except CallFailed as failure:
            return f"{failure.code}: {failure.reason}"
        return None


def _failed(code: str, reason: str) -> CallFailed:
    # Nothing has left for the source, so nothing is known of the record: the question is asked again.
    return CallFailed(
        OutcomeKind.UNAVAILABLE, code, reason, retry_after=PAUSE if code == "wssec.signer_refused" else None
    )
