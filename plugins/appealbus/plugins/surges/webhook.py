"""Sends alarms by signed POST."""

import hashlib
import hmac
from typing import ClassVar

import aiohttp

from appealbus.core import Secret
from appealbus.plugins.surges.sending import UNREACHABLE, Event, Way

SIGNATURE = "Appealbus-Signature"
_TAKEN = 300
"""First status that is no success."""


class Webhook(Way):
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
