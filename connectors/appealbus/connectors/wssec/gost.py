"""Signs with GOST 34.10-2015: the body alone, the way the gateway of e-government expects it."""

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
    """Return a signer from files, once it has signed a message that its certificate verifies.

    Args:
        key: the private key.
        certificate: the key's.
        password: of the key.
        bits: of the hash: 256 or 512.

    Raises:
        ConfigError: they cannot be read or do not belong together, or libgcrypt is absent.

    """
    own = read_signing_key(f"gost-{bits}", key, password)
    signer = GostSigner(own, der_of(read_certificate(certificate)))
    prove(signer.signed, key, certificate)
    return signer


class GostSigner(Signer):
    """Holds the key and signs in a thread: it takes some milliseconds, and the loop runs meanwhile."""

    def __init__(self, key: SigningKey, certificate: bytes) -> None:
        """Remember the key, and the bytes of its certificate."""
        self._key = key
        self._certificate = certificate

    async def sign(self, envelope: bytes) -> bytes:
        """Return the message with a signature over its body."""
        return await asyncio.to_thread(self.signed, envelope)

    def signed(self, envelope: bytes) -> bytes:
        """Return the message with a signature over its body. Blocks; see `sign`."""
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
