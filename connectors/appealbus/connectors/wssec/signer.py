"""Signing messages: the interface, and the signer that signs nothing."""

from abc import ABC, abstractmethod

from appealbus.connectors.signing.key_holder import KeyHolder


class Signer(KeyHolder, ABC):
    """Signs the body of a SOAP message; asynchronous, as it may use a thread or a signing service."""

    @abstractmethod
    async def sign(self, envelope: bytes) -> bytes:
        """Return the serialized message with its signature, to be sent byte for byte. Raises CallFailed
        `wssec.signer_…`.
        """


class Unsigned(Signer):
    """Leaves messages unchanged."""

    async def sign(self, envelope: bytes) -> bytes:
        return envelope
