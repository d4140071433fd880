"""Signatures of a contour: all of them if keys are configured, else only the registers' own."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from lxml import etree

from appealbus.core import ConfigError
from appealbus.simulator.settings import SimulatorSettings
from appealbus.simulator.signing.algorithms import METHODS, Certificate, Keys, PrivateKey, ThrowawayKey
from appealbus.simulator.signing.wssecurity import sign_response, verify_request
from appealbus.simulator.signing.xmldsig import sign_document, verify_document


class MessageSecurity:
    """Verifies requests and signs answers. Expensive operations run in a thread."""

    def __init__(self, keys: Keys | None) -> None:
        """Take the keys; None: messages are unsigned, and content is signed with a throwaway key."""
        self._keys = keys
        self._register: PrivateKey = keys.register.key if keys else ThrowawayKey()
        self._certificate: Certificate | None = keys.register.certificate if keys else None

    async def verify(self, envelope: etree._Element) -> None:
        """Verify the signature of a request; raise RequestRefused if it is absent or invalid."""
        if self._keys is not None:
            await asyncio.to_thread(verify_request, envelope, self._keys.participants, datetime.now(UTC))

    async def verify_content(self, document: etree._Element) -> None:
        """Verify the signature of a request's content; raise RequestRefused if it is absent or invalid."""
        if self._keys is not None:
            await asyncio.to_thread(verify_document, document, self._keys.participants, datetime.now(UTC))

    def sign_content(self, document: bytes) -> bytes:
        return sign_document(document, self._register, self._certificate)

    async def written(self, write: Callable[[], bytes], *, sign: bool = True) -> bytes:
        if self._keys is None:
            return write()
        gateway = self._keys.gateway

        def work() -> bytes:
            message = write()
            return sign_response(message, gateway) if sign else message

        return await asyncio.to_thread(work)


def keys_of(settings: SimulatorSettings) -> Keys | None:
    """Return the keys from the configured folder, which is filled if empty.

    Raises ConfigError if they are unreadable, cannot be created, or have another algorithm.
    """
    if settings.keys is None:
        return None
    try:
        # Imported here: an unsigned contour needs none of the extra.
        from appealbus.simulator.signing.keys import load_keys, make_keys
    except ImportError:
        raise ConfigError("a signed contour needs more: pip install '.[wssec]' in a checkout of the bus") from None
    make_keys(settings.keys, settings.algorithm)
    keys = load_keys(settings.keys)
    if keys.gateway.key.method is not METHODS[settings.algorithm]:
        raise ConfigError(
            f"{settings.keys}: the keys are not of {settings.algorithm}; say which, or take another folder"
        )
    return keys
