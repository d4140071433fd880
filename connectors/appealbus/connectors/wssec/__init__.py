"""WS-Security for SOAP messages: signing the body of requests, verifying the signature of replies."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from functools import partial
from typing import Protocol

from lxml import etree

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.load import signer_of, verification_of
from appealbus.connectors.signing.signer import MessageSigner, Unsigned

__all__ = ["MessageSigner", "Unsigned", "Verifier", "load_signer", "load_verifier"]


class Verifier(Protocol):
    """Verifies an envelope's signature and returns its body; raises CallFailed if the peer did not sign it.

    Runs in a thread: the envelope must not be used meanwhile. `came_at` is the time of arrival; None: now.
    """

    def __call__(self, envelope: etree._Element, came_at: datetime | None = None, /) -> Awaitable[etree._Element]:
        """Verify."""


def load_signer(settings: SignatureSettings, key: str) -> MessageSigner:
    """Load the signer of the table `key`. Reads from disk: call it in a thread. Raises ConfigError."""
    return signer_of(settings, key, "wssec") or Unsigned()


def load_verifier(settings: SignatureSettings, key: str) -> Verifier | None:
    """Load the verifier of the table `key`; None if answers need no signature. Raises ConfigError."""
    verify = verification_of(settings, key, "wssec")
    if verify is None:
        return None

    async def verified(envelope: etree._Element, came_at: datetime | None = None, /) -> etree._Element:
        body: etree._Element = await asyncio.to_thread(partial(verify, envelope, came_at=came_at))
        return body

    return verified
