"""How a message is signed: the interface, and the signer that does not."""

from abc import ABC, abstractmethod

from appealbus.connectors.signing.key_holder import KeyHolder


class Signer(KeyHolder, ABC):
    """Signs the body of a SOAP message.

    Asynchronous, so that a signer may take its time in a thread, or ask a service that holds the key.
    """

    @abstractmethod
    async def sign(self, envelope: bytes) -> bytes:
        """Return the message with its signature. What comes back is what must be sent, byte for byte.

        Args:
            envelope: the serialised message, as we made it.

        Raises:
            CallFailed: `wssec.signer_…`, where whoever holds the key did not sign.

        """


class Unsigned(Signer):
    """Leaves messages as they are."""

    async def sign(self, envelope: bytes) -> bytes:
        """Return the message itself."""
        return envelope
