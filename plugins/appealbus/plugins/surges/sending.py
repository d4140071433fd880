"""Notifications of alarms and possible surges, and the ways to receivers."""

import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

import aiohttp

from appealbus.core import LinkState, Secret

SIGNATURE = "Appealbus-Signature"
UNREACHABLE = "unreachable"
"""Reason: nothing can be sent now."""
_TAKEN = 300
"""First status that is no success."""


@dataclass(frozen=True, slots=True)
class Event:
    """A notification.

    Attributes:
        key: unique and constant over retries, for deduplication by receivers.
        kind: alarm or possible surge.
        number: its row in the file.
        at: when it was found.
        place: КАТО as far as known; empty: everywhere.
        body: JSON.
    """

    key: str
    kind: Literal["alarm", "possible"]
    number: int
    at: datetime
    place: str
    body: bytes

    @property
    def region(self) -> str:
        """First two digits of КАТО; 00 without a region."""
        return self.place[:2] or "00"


class Way(ABC):
    name: ClassVar[str]

    async def start(self) -> None:
        return

    @abstractmethod
    async def send(self, event: Event) -> str | None:
        """Send; return None on success, else the reason in a word. After `UNREACHABLE` no others are tried."""

    def links(self) -> Sequence[LinkState]:
        return ()

    async def close(self) -> None:
        return


class Webhook(Way):
    """Sends by signed POST."""

    name: ClassVar[str] = "webhook"

    def __init__(self, url: str, secret: Secret | None, timeout: float) -> None:
        self._url = url
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def send(self, event: Event) -> str | None:
        """Post an event. Retries have the same `Idempotency-Key`."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": event.key}
        if self._secret is not None:
            key = self._secret.get().encode()
            headers[SIGNATURE] = f"sha256={hmac.new(key, event.body, hashlib.sha256).hexdigest()}"
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(self._url, data=event.body, headers=headers, allow_redirects=False) as response,
            ):
                return None if response.status < _TAKEN else f"http.{response.status}"
        except (aiohttp.ClientError, TimeoutError):
            return UNREACHABLE
