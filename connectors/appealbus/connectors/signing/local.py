"""Signing with a local key, RSA or GOST. Needs the extra `wssec`."""

import asyncio
import base64
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, AnyStr, ClassVar, Final, Self

from lxml import etree

from appealbus.connectors.signing.signature import RSA_SHA256
from appealbus.connectors.signing.signer import Signer
from appealbus.connectors.signing.signing_key import SigningKey, read_signing_key
from appealbus.connectors.signing.trust import load_trusted
from appealbus.core import CallFailed, ConfigError
from appealbus.schemas.namespaces import DS

_SIGNATURE: Final = (
    '<ds:Signature xmlns:ds="{ds}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>'
    '<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
    '<ds:DigestMethod Algorithm="{digest_method}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>'
    "</ds:SignedInfo></ds:Signature>"
)


class LocalSigner(Signer[AnyStr]):
    """Signs in a thread: it takes some milliseconds, during which the loop runs.

    `probe` is what a new signer signs as a test, and `verify` what verifies that.
    """

    probe: ClassVar[Any]
    verify: ClassVar[Callable[..., object]]

    def __init__(self, key: SigningKey, certificate: bytes) -> None:
        self._key = key
        self._certificate = base64.b64encode(certificate).decode()

    @classmethod
    def load(cls, method: str, key: Path, certificate: Path, password: str | None) -> Self:
        """Load a signer for `rsa-sha256`, `gost-512` or `gost-256`, and test it. Raises ConfigError."""
        own, trust = read_signing_key(method, key, password), load_trusted([certificate])
        pinned = trust.pinned[0]
        if own.signature_method == RSA_SHA256 != pinned.key.signature_method:
            raise ConfigError(
                f'{certificate}: not an RSA certificate; for one of GOST write sign = "gost-512" or "gost-256"'
            )
        signer = cls(own, pinned.der)
        try:
            cls.verify(etree.fromstring(signer.signed(cls.probe)), trust, now=pinned.certificate.not_valid_before_utc)
        except (CallFailed, ValueError):
            raise ConfigError(
                f"{key} is not the key of the certificate {certificate}; give the two that belong together"
            ) from None
        return signer

    async def sign(self, xml: AnyStr) -> AnyStr:
        return await asyncio.to_thread(self.signed, xml)

    @abstractmethod
    def signed(self, xml: AnyStr) -> AnyStr:
        """Return the XML with its signature. Blocks; see `sign`."""

    def _add_signature(
        self,
        parent: etree._Element,
        covered: bytes,
        uri: str,
        methods: tuple[str, ...],
        canonical: Callable[..., bytes],
    ) -> etree._Element:
        """Add a signature to the parent, and return its KeyInfo.

        Args:
            covered: the canonical form of what it signs, which `uri` refers to.
            methods: the canonicalization of SignedInfo, then the transforms.
            canonical: does that canonicalization, of SignedInfo in its place.
        """
        c14n, *transforms = methods
        written = _SIGNATURE.format(
            ds=DS,
            c14n=c14n,
            method=self._key.signature_method,
            uri=uri,
            transforms="".join(f'<ds:Transform Algorithm="{transform}"/>' for transform in transforms),
            digest_method=self._key.digest_method,
            digest=base64.b64encode(self._key.digest(covered)).decode(),
        )
        signature = etree.fromstring(written)
        parent.append(signature)
        value = self._key.sign(canonical(signature[0]))
        etree.SubElement(signature, f"{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()
        return etree.SubElement(signature, f"{{{DS}}}KeyInfo")


def own_xml(xml: bytes) -> etree._Element:
    """Parse our own XML, for which the parser need not be on its guard; CDATA must stay what it is."""
    parser = etree.XMLParser(strip_cdata=False, resolve_entities=False, no_network=True, huge_tree=True)
    return etree.fromstring(xml, parser)
