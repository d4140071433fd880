"""Signing messages through a service that uses our key. Its result is sent only if it is our message, signed."""

from lxml import etree

from appealbus.connectors.signing.ncanode import ServiceSigner
from appealbus.connectors.signing.signature import METHODS, WSU_ID, is_costly
from appealbus.connectors.wssec.structure import WSSE_ID, methods_of, signed_parts
from appealbus.core import CallFailed
from appealbus.schemas.safexml import UnsafeXml, parse


class RemoteSigner(ServiceSigner[bytes]):
    probe = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><q/></s:Body></s:Envelope>'
    )

    async def sign(self, xml: bytes) -> bytes:
        # It parses and serialises the message, so ours may not stay byte for byte; what it made does.
        signed = (await self._service.sign_message(xml.decode())).encode()
        try:
            ours, root = parse(xml, limit=len(xml)), parse(signed, limit=len(signed))
            body, signature = signed_parts(root)
            methods_of(signature, METHODS)
            # Values may use prefixes, too (xsi:type), which the canonical form does not show by itself.
            prefixes = sorted({prefix or "#default" for element in ours[-1].iter() for prefix in element.nsmap})
            is_ours = not is_costly(root) and _content(ours[-1], prefixes) == _content(body, prefixes)
        except (UnsafeXml, CallFailed, etree.LxmlError):
            raise self._service.wrong_answer() from None
        if not is_ours or len(root[0]) != 1:
            raise self._service.wrong_answer()
        return signed


def _content(body: etree._Element, prefixes: list[str]) -> bytes:
    """Return a body's content without its ids, and the meaning of each prefix in it."""
    for name in (WSU_ID, WSSE_ID):
        body.attrib.pop(name, None)
    return etree.tostring(body, method="c14n", exclusive=True, inclusive_ns_prefixes=prefixes)
