"""The interface for signing documents."""

from abc import ABC, abstractmethod

from appealbus.connectors.signing.key_holder import KeyHolder


class DataSigner(KeyHolder, ABC):
    """Signs a whole document by a signature inside its root (XML Signature, enveloped, URI="")."""

    @abstractmethod
    async def sign(self, xml: str) -> str:
        """Return the document with its signature, never to be serialized again. Raises CallFailed `wssec.signer_…`."""
