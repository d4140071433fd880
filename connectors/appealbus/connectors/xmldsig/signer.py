"""The interface for signing documents."""

from abc import ABC, abstractmethod

from appealbus.connectors.signing.key_holder import KeyHolder


class DataSigner(KeyHolder, ABC):
    """Signs a whole document by a signature inside its root (XML Signature, enveloped, URI="")."""

    @abstractmethod
    async def sign(self, xml: str) -> str:
        """Return the document with its signature, never to be serialized again.

        Args:
            xml: the document, without a declaration.

        Raises:
            CallFailed: `wssec.signer_…`, if the key's holder did not sign.
        """
