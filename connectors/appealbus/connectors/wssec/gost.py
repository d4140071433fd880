"""Signing with GOST 34.10-2015: the body only, as the e-government gateway expects."""

import asyncio
import base64
from pathlib import Path
from typing import Final

from lxml import etree

from appealbus.connectors.signing.certificates import der_of, read_certificate
from appealbus.connectors.signing.signing_key import SigningKey, read_signing_key
from appealbus.connectors.wssec.header import add_key_info, prepare
from appealbus.connectors.wssec.names import EXC_C14N
from appealbus.connectors.wssec.proof import prove
from appealbus.connectors.wssec.signer import Signer
from appealbus.schemas.namespaces import DS

# Written in its canonical form, so that what is hashed is what stands here.
_SIGNED_INFO: Final = (
    '<ds:SignedInfo xmlns:ds="{ds}">'
    '<ds:CanonicalizationMethod Algorithm="{c14n}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="{signature}"></ds:SignatureMethod>'
    '<ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{c14n}"></ds:Transform></ds:Transforms>'
    '<ds:DigestMethod Algorithm="{method}"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>'
    "</ds:SignedInfo>"
)


def load_gost_signer(key: Path, certificate: Path, password: str | None, bits: int) -> "GostSigner":
    """Load a signer with a hash of 256 or 512 bits, and prove it with a test signature. Raises ConfigError."""
    own = read_signing_key(f"gost-{bits}", key, password)
    signer = GostSigner(own, der_of(read_certificate(certificate)))
    prove(signer.signed, key, certificate)
    return signer


class GostSigner(Signer):
    """Signs in a thread: it takes some milliseconds, during which the loop runs."""

    def __init__(self, key: SigningKey, certificate: bytes) -> None:
        self._key = key
        self._certificate = certificate

    async def sign(self, envelope: bytes) -> bytes:
        return await asyncio.to_thread(self.signed, envelope)

    def signed(self, envelope: bytes) -> bytes:
        """Sign the body of the message. Blocks; see `sign`."""
        security, body, body_id = prepare(envelope)
        covered = etree.tostring(body, method="c14n", exclusive=True, with_comments=False)
        info = _SIGNED_INFO.format(
            ds=DS,
            c14n=EXC_C14N,
            signature=self._key.signature_method,
            id=body_id,
            method=self._key.digest_method,
            digest=_base64(self._key.digest(covered)),
        )
        signature = etree.SubElement(security, f"{{{DS}}}Signature", nsmap={"ds": DS})
        signature.append(etree.fromstring(info))
        etree.SubElement(signature, f"{{{DS}}}SignatureValue").text = _base64(self._key.sign(info.encode()))
        add_key_info(signature, self._certificate)
        return etree.tostring(body.getroottree(), encoding="utf-8")


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
