"""Signing documents through a service that uses our key. Its result is sent only if it is our document, signed."""

import re

from lxml import etree

from appealbus.connectors.signing.ncanode import ServiceSigner
from appealbus.connectors.signing.signature import METHODS, is_costly
from appealbus.connectors.xmldsig.structure import methods_of, signature_of
from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import take_out
from appealbus.schemas.safexml import UnsafeXml, parse

_DECLARATION = re.compile(r"\A\s*<\?xml\s[^>]*\?>\s*")


class RemoteSigner(ServiceSigner[str]):
    probe = "<data/>"

    async def sign(self, xml: str) -> str:
        signed = await self._service.sign_document(xml)
        try:
            ours, theirs = (parse(text.encode(), limit=4 * len(text)) for text in (xml, signed))
            signature = signature_of(theirs)
            methods = methods_of(signature)
            take_out(signature)
            is_ours = not is_costly(theirs) and _content(ours) == _content(theirs)
        except (UnsafeXml, CallFailed, etree.LxmlError):
            raise self._service.wrong_answer() from None
        if not is_ours or methods not in METHODS:
            raise self._service.wrong_answer()
        # The service begins with a declaration, which no signature covers, and which could not stand inside a message.
        return _DECLARATION.sub("", signed, count=1)


def _content(root: etree._Element) -> bytes:
    return etree.tostring(root, method="c14n", with_comments=False)
