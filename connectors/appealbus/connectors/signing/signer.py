"""The interface for signing messages and documents."""

from abc import ABC, abstractmethod
from typing import AnyStr, Generic, TypeAlias

from appealbus.core import LinkState


class Signer(ABC, Generic[AnyStr]):
    """Signs XML with our key, held locally or by a service that makes each signature."""

    @abstractmethod
    async def sign(self, xml: AnyStr) -> AnyStr:
        """Return the XML with its signature, never to be serialized again. Raises CallFailed `wssec.signer_…`."""

    def link(self, name: str) -> LinkState | None:
        """Return the state of the signing service, if there is one."""
        return None

    async def health(self) -> str | None:
        """Test the signing service, if there is one; return the problem, or None."""
        return None


MessageSigner: TypeAlias = Signer[bytes]
"""Signs the body of a SOAP message."""
DataSigner: TypeAlias = Signer[str]
"""Signs a whole document by a signature inside its root (XML Signature, enveloped, URI="")."""


class Unsigned(MessageSigner):
    """Leaves messages unchanged."""

    async def sign(self, xml: bytes) -> bytes:
        return xml
