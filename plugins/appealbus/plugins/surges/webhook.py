"""Sends an alarm to whoever has to know."""

import hashlib
import hmac
from dataclasses import asdict

import aiohttp
import orjson

from appealbus.plugins.surges.alarm import KeptAlarm
from appealbus.plugins.surges.settings import SurgesSettings

SIGNATURE = "Appealbus-Signature"
UNREACHABLE = "unreachable"
"""Why no alarm at all can be sent now."""
_TAKEN = 300
"""The first status that is no longer a yes."""


def body_of(kept: KeptAlarm) -> bytes:
    """Return what is sent: the alarm, its number and when it was raised."""
    return orjson.dumps({"id": kept.id, "raised_at": kept.raised_at, **asdict(kept.alarm)})


async def send(settings: SurgesSettings, kept: KeptAlarm) -> str | None:
    """Post an alarm; return None where it was taken, else why not, in a word.

    It has the same `Idempotency-Key` each time, so that one that is sent twice is known by it.
    """
    body = body_of(kept)
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"surge-{kept.id}"}
    if settings.webhook_secret is not None:
        key = settings.webhook_secret.get().encode()
        headers[SIGNATURE] = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
    timeout = aiohttp.ClientTimeout(total=settings.timeout)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(settings.webhook or "", data=body, headers=headers, allow_redirects=False) as response,
        ):
            return None if response.status < _TAKEN else f"http.{response.status}"
    except (aiohttp.ClientError, TimeoutError):
        return UNREACHABLE
