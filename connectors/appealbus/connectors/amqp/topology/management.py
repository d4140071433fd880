"""Client of RabbitMQ's management API, and the policies that it shows, as far as a topology needs them."""

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

import aiohttp
import orjson
from yarl import URL

from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.connectors.http.tls import TlsSettings, tls_context
from appealbus.core import AppealBusError, ConfigError

TIMEOUT = 15.0
"""Seconds: the management API of a busy broker is slow, and a person may be waiting."""
LIMIT = 4 * 1024 * 1024
"""Bytes of an answer. One description has a few thousand; the limit protects the memory."""

# Of these the smaller one holds, that of the policy or that of the operator; of all others the operator's.
_SMALLER = frozenset({"message-ttl", "max-length", "max-length-bytes", "expires", "delivery-limit"})


class ManagementFailed(AppealBusError):
    """The management API failed. The text is one line, with the remedy."""


class Management:
    """The API for one virtual host. Use it as a context manager."""

    def __init__(self, name: str, settings: BrokerSettings) -> None:
        """Read files and secrets of the settings, in a thread. Raises ConfigError, also if `management` is no URL."""
        key = f"plugins.amqp.brokers.{name}"
        parts = urlsplit(settings.management or "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f'{key}.management is no URL of a management API; write one like "http://host:15672"')
        if parts.username or parts.password:
            raise ConfigError(f"{key}.management must not hold a password; user and password are those of the broker")
        if settings.password is None:
            raise ConfigError(f"{key}.password is missing; the management API knows no client certificates")
        self._where = f"the management API at {parts.netloc}"
        self._base = f"{(settings.management or '').rstrip('/')}/api"
        self._vhost = settings.virtual_host
        self._user = settings.user
        token = b64encode(f"{settings.user}:{settings.password.get()}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._tls: ssl.SSLContext | bool = True
        if parts.scheme == "https":
            self._tls = tls_context(settings.tls or TlsSettings(), f"{key}.tls")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=TIMEOUT)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, kind: str, *path: str) -> Any:
        """Return an object of the virtual host, or None if it does not exist. Raises ManagementFailed.

        For a queue, statistics are left out: they are stale and expensive.
        """
        status, body = await self._request("GET", kind, path)
        if status == 404:
            return None
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ManagementFailed(f"{self._where} answers no JSON; check `management`") from None

    async def put(self, kind: str, *path: str, body: Any) -> None:
        """Create or change an object of the virtual host. Raises ManagementFailed if it was not done."""
        status, _ = await self._request("PUT", kind, path, body)
        if status == 404:
            raise ManagementFailed(f"{self._where} knows no such thing; check virtual_host")

    async def _request(self, method: str, kind: str, path: tuple[str, ...], body: Any = None) -> tuple[int, bytes]:
        if self._session is None:
            raise RuntimeError("the management API is used outside of its context")
        parts = "/".join(quote(part, safe="") for part in (kind, self._vhost, *path))
        data = None if body is None else orjson.dumps(body)
        headers = {} if data is None else {"Content-Type": "application/json"}
        url = URL(f"{self._base}/{parts}{'?disable_stats=true' if kind == 'queues' else ''}", encoded=True)
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, ssl=self._tls, allow_redirects=False
            ) as response:
                raw = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise ManagementFailed(
                f"{self._where} does not answer ({type(error).__name__}); check `management` and its port"
            ) from None
        match response.status:
            case 401 | 403:
                raise ManagementFailed(
                    f"{self._where} does not let {self._user} do that; check user and password, and that it has a tag: "
                    "`management` to look, `policymaker` to set policies"
                )
            case status if status in (200, 201, 204, 404):
                return status, raw
            case status:
                raise ManagementFailed(f"{self._where} refuses with status {status}")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > LIMIT:
            raise ManagementFailed(f"the management API sends more than {LIMIT} bytes for one thing")
        chunks.append(chunk)
    return b"".join(chunks)


@dataclass(frozen=True, slots=True)
class Policies:
    policies: Sequence[Mapping[str, Any]]
    operators: Sequence[Mapping[str, Any]]

    def named(self, name: str) -> Mapping[str, Any] | None:
        return next((policy for policy in self.policies if policy.get("name") == name), None)

    def holds(self, queue: str, kind: str) -> Mapping[str, Any] | None:
        """Return the matching policy with the highest priority."""
        return _best(self.policies, queue, kind)

    def effective(self, queue: str, kind: str) -> dict[str, Any]:
        """Return the effective settings of a queue, including operator policies."""
        merged = _definition(_best(self.policies, queue, kind))
        for key, value in _definition(_best(self.operators, queue, kind)).items():
            merged[key] = min(merged[key], value) if key in _SMALLER and key in merged else value
        return merged


async def policies_of(api: Management) -> Policies:
    """Read all policies. Raises ManagementFailed if the API gives no answer."""
    policies, operators = await api.get("policies"), await api.get("operator-policies")
    if not isinstance(policies, list):
        raise ManagementFailed("the management API shows no such virtual host; check virtual_host")
    return Policies(policies, operators if isinstance(operators, list) else [])


def _best(policies: Sequence[Mapping[str, Any]], queue: str, kind: str) -> Mapping[str, Any] | None:
    matching = [policy for policy in policies if _matches(policy, queue, kind)]
    return max(matching, key=lambda policy: int(policy.get("priority", 0)), default=None)


def _matches(policy: Mapping[str, Any], queue: str, kind: str) -> bool:
    if policy.get("apply-to", "all") not in ("all", "queues", f"{kind}_queues"):
        return False
    try:
        return re.search(str(policy.get("pattern", "")), queue) is not None
    except re.error:  # good for Erlang alone
        return False


def _definition(policy: Mapping[str, Any] | None) -> dict[str, Any]:
    definition = policy.get("definition") if policy is not None else None
    return dict(definition) if isinstance(definition, dict) else {}
