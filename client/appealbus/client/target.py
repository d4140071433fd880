"""Where the API is, and what every request has."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from urllib.parse import urlsplit

import httpx

from appealbus.client.cache import Cache
from appealbus.client.conversation import Call, Conversation, T, converse
from appealbus.client.errors import UnexpectedAnswer
from appealbus.client.retrying import Retries
from appealbus.client.version import __version__
from appealbus.client.wire import Answer, Send

Token = str | Callable[[], str]
"""A token, or a function that reads it anew for each request: so a rotated one counts without a restart."""
_LARGEST = 64 * 1024 * 1024
"""Bytes of an answer: the largest dossier has 16 MiB."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and how a client speaks to it."""

    url: str
    token: Token | None = field(repr=False)
    tls: ssl.SSLContext | None
    timeout: float
    retries: Retries
    cache: Cache

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ValueError("write the address of the API as https://HOST or https://HOST:PORT")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("over http:// a token and dossiers would pass in clear; write https://")

    @property
    def encrypted(self) -> bool:
        """Whether what passes is encrypted; if not, no proxy of the environment may have it."""
        return urlsplit(self.url).scheme == "https"

    def verify(self) -> ssl.SSLContext | bool:
        """Return how the server's certificate is checked; it always is."""
        if not self.encrypted:
            # One that trusts nobody, where nobody is asked: to read the system's authorities takes long.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return True if self.tls is None else self.tls

    def begin(self, call: Call[T]) -> Conversation[T]:
        """Begin a call."""
        return converse(call, self.retries, self.cache, self.timeout)

    def request(self, send: Send) -> httpx.Request:
        """Return the request as httpx sends it."""
        headers = {"User-Agent": f"appealbus-client/{__version__}", "Accept-Encoding": "identity", **send.headers}
        if self.token is not None:
            token = self.token if isinstance(self.token, str) else self.token()
            headers["Authorization"] = f"Bearer {token.strip()}"  # a file's last line ends
        timeout = httpx.Timeout(send.within, connect=min(send.within, self.timeout)).as_dict()
        return httpx.Request(
            send.method,
            self.url.rstrip("/") + send.path,
            params=send.query or None,
            headers=headers,
            content=send.body or None,
            extensions={"timeout": timeout},
        )


class Gathering:
    """Takes in an answer's body, which has a largest size and a time by which it is there."""

    def __init__(self, send: Send) -> None:
        self._ends = monotonic() + send.within
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        """Take a part.

        Raises:
            UnexpectedAnswer: it is too large.
            httpx.ReadTimeout: it takes too long.

        """
        self._size += len(part)
        if self._size > _LARGEST:
            raise UnexpectedAnswer(f"the answer has more than {_LARGEST} bytes")
        if monotonic() > self._ends:
            raise httpx.ReadTimeout("the answer takes too long")
        self._parts.append(part)

    def answer(self, response: httpx.Response) -> Answer:
        """Return the answer that is there."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, b"".join(self._parts))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
