"""How a document is signed: the interface."""

from abc import ABC, abstractmethod

from appealbus.connectors.signing.key_holder import KeyHolder


class DataSigner(KeyHolder, ABC):
    """Signs a document as a whole, by a signature inside its root (XML Signature, enveloped, URI="")."""

    @abstractmethod
    async def sign(self, xml: str) -> str:
        """Return the document with its signature. What comes back must go out as it is, never serialised again.

        Args:
            xml: the document, without a declaration.

        Raises:
            CallFailed: `wssec.signer_…`, where whoever holds the key did not sign.

        """
