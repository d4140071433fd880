"""Signing messages with a local key: the body only, as the e-government gateway expects."""

import uuid

from lxml import etree

from appealbus.connectors.signing.local import LocalSigner, own_xml
from appealbus.connectors.signing.signature import OASIS, SECURITY, WSSE, WSU, WSU_ID
from appealbus.connectors.wssec.structure import EXC_C14N, SOAP_NAMESPACES
from appealbus.connectors.wssec.verify import verify

BASE64 = f"{OASIS}soap-message-security-1.0#Base64Binary"
X509V3 = f"{OASIS}x509-token-profile-1.0#X509v3"

# Receivers that look for the prefix and not for the namespace do exist.
etree.register_namespace("wsu", WSU)


class KeySigner(LocalSigner[bytes]):
    probe = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body/></s:Envelope>'
    verify = staticmethod(verify)

    def signed(self, xml: bytes) -> bytes:
        security, body, body_id = _prepared(own_xml(xml))
        methods = (EXC_C14N, EXC_C14N)
        info = self._add_signature(security, _canonical(body), f"#{body_id}", methods, _canonical)
        reference = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference")
        identifier = etree.SubElement(
            reference, f"{{{WSSE}}}KeyIdentifier", {"EncodingType": BASE64, "ValueType": X509V3}
        )
        identifier.text = self._certificate
        return etree.tostring(body.getroottree(), encoding="utf-8")


def _prepared(root: etree._Element) -> tuple[etree._Element, etree._Element, str]:
    """Add a security header and a body id; return header, body and id. Raises ValueError if it is not SOAP."""
    soap = etree.QName(root).namespace
    body = root.find(f"{{{soap}}}Body")
    if soap not in SOAP_NAMESPACES or body is None:
        raise ValueError("not a SOAP message")
    header = root.find(f"{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        root.insert(0, header)
    security = etree.SubElement(header, SECURITY, nsmap={"wsse": WSSE, "wsu": WSU})
    security.set(f"{{{soap}}}mustUnderstand", "1")
    body_id = f"id-{uuid.uuid4()}"
    body.set(WSU_ID, body_id)
    return security, body, body_id


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
