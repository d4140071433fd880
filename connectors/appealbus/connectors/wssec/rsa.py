"""Signing with RSA and SHA-256: the body only, as the e-government gateway expects."""

import asyncio
from pathlib import Path

import xmlsec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from appealbus.connectors.signing.certificates import der_of, read_certificate
from appealbus.connectors.signing.names import WSU
from appealbus.connectors.signing.private_key import read_key
from appealbus.connectors.signing.public_keys import RsaPublicKey, public_key
from appealbus.connectors.wssec.header import add_key_info, prepare
from appealbus.connectors.wssec.proof import prove
from appealbus.connectors.wssec.signer import Signer
from appealbus.core import ConfigError


def load_rsa_signer(key: Path, certificate: Path, password: str | None) -> "RsaSigner":
    """Load a signer and prove it with a test signature. Raises ConfigError."""
    private, public = read_key(key, password), read_certificate(certificate)
    if not isinstance(public_key(public, str(certificate)), RsaPublicKey):
        raise ConfigError(
            f'{certificate}: not an RSA certificate; for one of GOST write sign = "gost-512" or "gost-256"'
        )
    signer = RsaSigner(private, der_of(public))
    prove(signer.signed, key, certificate)
    return signer


class RsaSigner(Signer):
    """Signs in a thread: it takes about a millisecond, during which xmlsec lets the loop run."""

    def __init__(self, key: RSAPrivateKey, certificate: bytes) -> None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
        self._certificate = certificate

    async def sign(self, envelope: bytes) -> bytes:
        return await asyncio.to_thread(self.signed, envelope)

    def signed(self, envelope: bytes) -> bytes:
        """Sign the body of the message. Blocks; see `sign`."""
        security, body, body_id = prepare(envelope)
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
        add_key_info(signature, self._certificate)
        return etree.tostring(body.getroottree(), encoding="utf-8")
