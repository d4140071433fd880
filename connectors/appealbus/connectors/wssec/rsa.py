"""Signs with RSA and SHA-256: the body alone, the way the gateway of e-government expects it."""

import asyncio
from pathlib import Path

import xmlsec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from lxml import etree

from appealbus.connectors.wssec.certificates import der_of, read_certificate, read_file
from appealbus.connectors.wssec.header import add_key_info, prepare
from appealbus.connectors.wssec.names import WSU
from appealbus.connectors.wssec.proof import prove
from appealbus.connectors.wssec.public_keys import MIN_BITS, RsaPublicKey, public_key
from appealbus.connectors.wssec.signer import Signer
from appealbus.core import ConfigError

_MAX_FILE = 64 * 1024
"""Bytes: a key has a few thousand."""


def load_rsa_signer(key: Path, certificate: Path, password: str | None) -> "RsaSigner":
    """Return a signer from files, once it has signed a message that its certificate verifies.

    Raises:
        ConfigError: they cannot be read, or the key is not the certificate's.

    """
    private, public = read_key(key, password), read_certificate(certificate)
    if not isinstance(public_key(public, str(certificate)), RsaPublicKey):
        raise ConfigError(
            f'{certificate}: not an RSA certificate; for one of GOST write sign = "gost-512" or "gost-256"'
        )
    signer = RsaSigner(private, der_of(public))
    prove(signer.signed, key, certificate)
    return signer


class RsaSigner(Signer):
    """Holds the key and signs in a thread: it takes about a millisecond, and xmlsec lets the loop run meanwhile."""

    def __init__(self, key: RSAPrivateKey, certificate: bytes) -> None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
        self._certificate = certificate

    async def sign(self, envelope: bytes) -> bytes:
        """Return the message with a signature over its body."""
        return await asyncio.to_thread(self.signed, envelope)

    def signed(self, envelope: bytes) -> bytes:
        """Return the message with a signature over its body. Blocks; see `sign`."""
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


def read_key(path: Path, password: str | None) -> RSAPrivateKey:
    """Return the RSA private key in a PEM file.

    Raises:
        ConfigError: there is none, or the password does not open it.

    """
    try:
        key = load_pem_private_key(read_file(path, _MAX_FILE), password.encode() if password is not None else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library tells a wrong password and a broken file apart only in part, and we must quote neither.
        raise ConfigError(f"{path}: not a PEM private key, or key_password does not fit it") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_BITS:
        raise ConfigError(f"{path}: not an RSA key of {MIN_BITS} bits or more")
    return key
