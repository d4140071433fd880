"""Signing messages: the interface, and the signer that signs nothing."""

from abc import ABC, abstractmethod

from appealbus.connectors.signing.key_holder import KeyHolder


class Signer(KeyHolder, ABC):
    """Signs the body of a SOAP message.

    Asynchronous, so that a signer may use a thread, or a service that holds the key.
    """

    @abstractmethod
    async def sign(self, envelope: bytes) -> bytes:
        """Return the message with its signature, to be sent byte for byte.

        Args:
            envelope: the serialized message.

        Raises:
            CallFailed: `wssec.signer_…`, if the key's holder did not sign.
        """


class Unsigned(Signer):
    """Leaves messages unchanged."""

    async def sign(self, envelope: bytes) -> bytes:
        return envelope
