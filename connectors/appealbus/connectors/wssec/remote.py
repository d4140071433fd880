"""Signing through a service that uses our key. Its result is sent only if it is our message, signed."""

from lxml import etree

from appealbus.connectors.signing.cost import is_costly
from appealbus.connectors.signing.names import METHODS, WSU_ID
from appealbus.connectors.signing.ncanode import NcaNode, trouble_of
from appealbus.connectors.wssec.names import WSSE_ID
from appealbus.connectors.wssec.signer import Signer
from appealbus.connectors.wssec.structure import methods_of, signed_parts
from appealbus.core import CallFailed, LinkState
from appealbus.schemas.safexml import UnsafeXml, parse

_PROBE = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><q/></s:Body></s:Envelope>'
)


class RemoteSigner(Signer):
    def __init__(self, service: NcaNode) -> None:
        self._service = service

    def link(self, name: str) -> LinkState:
        return self._service.link(name)

    async def health(self) -> str | None:
        """Sign a test message."""
        return await trouble_of(self.sign(_PROBE))

    async def sign(self, envelope: bytes) -> bytes:
        # It parses and serialises the message, so ours may not stay byte for byte; what it made does.
        signed = (await self._service.sign_message(envelope.decode())).encode()
        try:
            ours, root = parse(envelope, limit=len(envelope)), parse(signed, limit=len(signed))
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
