"""Creates signers and verifiers from settings. Modules that need the extra `wssec` are imported here, on demand."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from functools import partial
from typing import Protocol

from lxml import etree

from appealbus.connectors.signing.load import errors_of, key_of, load_service, module, trust_of
from appealbus.connectors.signing.settings import SignatureSettings
from appealbus.connectors.wssec.signer import Signer, Unsigned


class Verifier(Protocol):
    """Verifies an envelope's signature and returns its body; raises CallFailed if the peer did not sign it.

    Runs in a thread: the envelope must not be used meanwhile. `came_at` is the time of arrival; None: now.
    """

    def __call__(self, envelope: etree._Element, came_at: datetime | None = None, /) -> Awaitable[etree._Element]:
        """Verify."""


def load_signer(settings: SignatureSettings, key: str) -> Signer:
    """Load the signer of the table `key`. Reads from disk: call it in a thread. Raises ConfigError."""
    if settings.sign == "none":
        return Unsigned()
    kind, _, size = settings.sign.partition("-")
    signer: Signer
    with errors_of(key):
        if settings.sign == "ncanode":
            signer = module("wssec", "remote").RemoteSigner(load_service(settings))
        elif kind == "gost":
            signer = module("wssec", "gost").load_gost_signer(*key_of(settings), int(size))
        else:
            signer = module("wssec", "rsa").load_rsa_signer(*key_of(settings))
    return signer


def load_verifier(settings: SignatureSettings, key: str) -> Verifier | None:
    """Load the verifier of the table `key`; None if answers need no signature. Raises ConfigError."""
    if not settings.is_verified:
        return None
    with errors_of(key):
        verify, trust = module("wssec", "verify").verify, trust_of(settings)

    async def verified(envelope: etree._Element, came_at: datetime | None = None, /) -> etree._Element:
        body: etree._Element = await asyncio.to_thread(partial(verify, envelope, trust, came_at=came_at))
        return body

    return verified
