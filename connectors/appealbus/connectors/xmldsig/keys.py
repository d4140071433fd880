"""Signing documents with a local key."""

import asyncio
import base64
from pathlib import Path

from lxml import etree

from appealbus.connectors.signing.signing_key import SigningKey, read_signing_key
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.xmldsig.names import C14N, C14N_WITH_COMMENTS, ENVELOPED
from appealbus.connectors.xmldsig.signer import DataSigner
from appealbus.connectors.xmldsig.verify import verify
from appealbus.core import CallFailed, ConfigError
from appealbus.schemas.namespaces import DS, SIGNATURE, XML


def load_key_signer(method: str, key: Path, certificate: Path, password: str | None) -> "KeySigner":
    """Load a signer for `rsa-sha256`, `gost-512` or `gost-256`, and test it. Raises ConfigError."""
    trust = load_trusted([certificate])
    pinned = trust.pinned[0]
    signer = KeySigner(read_signing_key(method, key, password), pinned.der)
    document = etree.fromstring(signer.signed("<data/>"))
    try:
        verify(document, trust, now=pinned.certificate.not_valid_before_utc)
    except CallFailed:
        raise ConfigError(
            f"{key} is not the key of the certificate {certificate}; give the two that belong together"
        ) from None
    return signer


class KeySigner(DataSigner):
    """Signs in a thread with a local key."""

    def __init__(self, key: SigningKey, certificate: bytes) -> None:
        self._key = key
        self._certificate = base64.b64encode(certificate).decode()

    async def sign(self, xml: str) -> str:
        return await asyncio.to_thread(self.signed, xml)

    def signed(self, xml: str) -> str:
        """Return the document with its signature. Blocks; see `sign`."""
        # Our own document, so the parser need not be on its guard; CDATA must stay what it is.
        parser = etree.XMLParser(strip_cdata=False, resolve_entities=False, no_network=True, huge_tree=True)
        root = etree.fromstring(xml.encode(), parser)
        digest = self._key.digest(etree.tostring(root, method="c14n", with_comments=False))
        signature = etree.SubElement(root, SIGNATURE, nsmap={"ds": DS})
        info = self._signed_info(signature, digest)
        value = etree.SubElement(signature, f"{{{DS}}}SignatureValue")
        value.text = base64.b64encode(self._key.sign(_canonical(info, root))).decode()
        certificate = etree.SubElement(
            etree.SubElement(etree.SubElement(signature, f"{{{DS}}}KeyInfo"), f"{{{DS}}}X509Data"),
            f"{{{DS}}}X509Certificate",
        )
        certificate.text = self._certificate
        return etree.tostring(root, encoding="unicode")

    def _signed_info(self, signature: etree._Element, digest: bytes) -> etree._Element:
        info = etree.SubElement(signature, f"{{{DS}}}SignedInfo")
        _algorithm(info, "CanonicalizationMethod", C14N)
        _algorithm(info, "SignatureMethod", self._key.signature_method)
        reference = etree.SubElement(info, f"{{{DS}}}Reference", URI="")
        transforms = etree.SubElement(reference, f"{{{DS}}}Transforms")
        _algorithm(transforms, "Transform", ENVELOPED)
        _algorithm(transforms, "Transform", C14N_WITH_COMMENTS)
        _algorithm(reference, "DigestMethod", self._key.digest_method)
        etree.SubElement(reference, f"{{{DS}}}DigestValue").text = base64.b64encode(digest).decode()
        return info


def _algorithm(parent: etree._Element, name: str, algorithm: str) -> None:
    etree.SubElement(parent, f"{{{DS}}}{name}", Algorithm=algorithm)


def _canonical(info: etree._Element, root: etree._Element) -> bytes:
    # Canonical XML of a part shows the namespaces and xml:… attributes that it inherits (section 2.4); lxml writes
    # the former into a part that it serialises, and the latter are the root's.
    alone = etree.fromstring(etree.tostring(info, encoding="utf-8"))
    for name, value in root.attrib.items():
        if str(name).startswith(f"{{{XML}}}"):
            alone.set(name, value)
    return etree.tostring(alone, method="c14n")
