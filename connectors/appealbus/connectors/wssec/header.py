"""The security header of our own messages, which holds the signature."""

import base64
import uuid

from lxml import etree

from appealbus.connectors.signing.names import SECURITY, WSSE, WSU, WSU_ID
from appealbus.connectors.wssec.names import BASE64, SOAP_NAMESPACES, X509V3
from appealbus.schemas.namespaces import DS

# Receivers that look for the prefix and not for the namespace do exist.
etree.register_namespace("wsu", WSU)


def prepare(envelope: bytes) -> tuple[etree._Element, etree._Element, str]:
    """Add a security header and a body id; return header, body and id. Raises ValueError if it is not SOAP."""
    # Our own message, so the parser need not be on its guard; CDATA must stay what it is.
    parser = etree.XMLParser(strip_cdata=False, resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(envelope, parser)
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


def add_key_info(signature: etree._Element, certificate: bytes) -> None:
    """Add the whole certificate to a Signature element."""
    info = etree.SubElement(signature, f"{{{DS}}}KeyInfo")
    reference = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference")
    identifier = etree.SubElement(reference, f"{{{WSSE}}}KeyIdentifier")
    identifier.set("EncodingType", BASE64)
    identifier.set("ValueType", X509V3)
    identifier.text = base64.b64encode(certificate).decode()
