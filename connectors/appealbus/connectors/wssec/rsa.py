"""Signs with RSA and SHA-256: the body alone, the way the gateway of e-government expects it."""

import asyncio
import base64
import uuid
from pathlib import Path

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from appealbus.connectors.wssec.keys import read_certificate, read_key
from appealbus.connectors.wssec.names import BASE64, DS, SECURITY, SOAP_NAMESPACES, WSSE, WSU, WSU_ID, X509V3
from appealbus.connectors.wssec.signer import Signer
from appealbus.core import ConfigError

# Receivers that look for the prefix and not for the namespace do exist.
etree.register_namespace("wsu", WSU)


def load_rsa_signer(key: Path, certificate: Path, password: str | None) -> "RsaSigner":
    """Return a signer from files.

    Raises:
        ConfigError: they cannot be read, or the key is not the certificate's.

    """
    private, public = read_key(key, password), read_certificate(certificate)
    if private.public_key() != public.public_key():
        raise ConfigError(f"{key} is not the key of the certificate {certificate}")
    return RsaSigner(private, public)


class RsaSigner(Signer):
    """Holds the key and signs in a thread: it takes about a millisecond, and xmlsec lets the loop run meanwhile."""

    def __init__(self, key: RSAPrivateKey, certificate: x509.Certificate) -> None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
        self._certificate = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()

    async def sign(self, envelope: bytes) -> bytes:
        """Return the message with a signature over its body."""
        return await asyncio.to_thread(self._signed, envelope)

    def _signed(self, envelope: bytes) -> bytes:
        # Our own message, so the parser need not be on its guard; CDATA must stay what it is.
        root = etree.fromstring(envelope, etree.XMLParser(strip_cdata=False, resolve_entities=False, no_network=True))
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
        signature = xmlsec.template.create(
            security, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
        )
        reference = xmlsec.template.add_reference(signature, xmlsec.constants.TransformSha256, uri=f"#{body_id}")
        xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
        security.append(signature)

        context = xmlsec.SignatureContext()
        context.key = self._key
        context.register_id(body, "Id", WSU)
        context.sign(signature)
        self._add_key_info(signature)
        return etree.tostring(root, encoding="utf-8")

    def _add_key_info(self, signature: etree._Element) -> None:
        info = etree.SubElement(signature, f"{{{DS}}}KeyInfo")
        reference = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference")
        identifier = etree.SubElement(reference, f"{{{WSSE}}}KeyIdentifier")
        identifier.set("EncodingType", BASE64)
        identifier.set("ValueType", X509V3)
        identifier.text = self._certificate
