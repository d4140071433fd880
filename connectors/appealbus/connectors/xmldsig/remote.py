"""The signer whose key a signing service uses. What comes back goes out only if it is our document, signed."""

from lxml import etree

from appealbus.connectors.wssec.ncanode import NcaNode, wrong_answer
from appealbus.connectors.wssec.remote import METHODS
from appealbus.connectors.xmldsig.signer import DataSigner
from appealbus.connectors.xmldsig.structure import methods_of, signature_of, take_out
from appealbus.core import CallFailed
from appealbus.schemas.safexml import UnsafeXml, parse


class RemoteDataSigner(DataSigner):
    """Has documents signed by a service."""

    def __init__(self, service: NcaNode) -> None:
        self._service = service

    async def sign(self, xml: str) -> str:
        """Return the document as the service signed it."""
        signed = await self._service.sign_document(xml)
        try:
            ours, theirs = (parse(text.encode(), limit=4 * len(text)) for text in (xml, signed))
            signature = signature_of(theirs)
            methods = methods_of(signature)
            take_out(signature)
        except (UnsafeXml, CallFailed):
            raise wrong_answer() from None
        if methods not in METHODS or _content(ours) != _content(theirs):
            raise wrong_answer()
        return signed


def _content(root: etree._Element) -> bytes:
    return etree.tostring(root, method="c14n", with_comments=False)
