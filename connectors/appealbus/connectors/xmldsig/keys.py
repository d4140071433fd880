"""Our own keys, as a signer of documents uses them."""

from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256 as SHA256_HASH
from lxml import etree

from appealbus.connectors.signing.gost.libgcrypt import Curve, load, sign, streebog
from appealbus.connectors.signing.gost.private_key import read_gost_key
from appealbus.connectors.signing.names import GOST_DIGEST, GOST_SIGNATURE, RSA_SHA256, SHA256
from appealbus.connectors.signing.private_key import read_key
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.xmldsig.signer import DataKey, KeySigner
from appealbus.connectors.xmldsig.verify import verify
from appealbus.core import CallFailed, ConfigError


def load_key_signer(method: str, key: Path, certificate: Path, password: str | None) -> KeySigner:
    """Return a signer from files, once it has signed a document that its certificate verifies.

    Args:
        method: `rsa-sha256`, `gost-512` or `gost-256`.
        key: the private key.
        certificate: the key's.
        password: of the key.

    Raises:
        ConfigError: they cannot be read, do not belong together or are not for the method, or libgcrypt is absent.

    """
    trust = load_trusted([certificate])
    pinned = trust.pinned[0]
    signer = KeySigner(_read(method, key, password), pinned.der)
    document = etree.fromstring(signer.signed("<data/>"))
    try:
        verify(document, trust, now=pinned.certificate.not_valid_before_utc)
    except CallFailed:
        raise ConfigError(
            f"{key} is not the key of the certificate {certificate}; give the two that belong together"
        ) from None
    return signer


def _read(method: str, path: Path, password: str | None) -> DataKey:
    if method == "rsa-sha256":
        return RsaDataKey(read_key(path, password))
    load()
    curve, secret = read_gost_key(path, password)
    if method != f"gost-{8 * curve.size}":
        raise ConfigError(f'{path}: a key of {8 * curve.size} bits; write sign = "gost-{8 * curve.size}"')
    return GostDataKey(curve, secret)


class RsaDataKey(DataKey):
    """RSA with SHA-256."""

    signature_method = RSA_SHA256
    digest_method = SHA256

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    def digest(self, data: bytes) -> bytes:
        """Return SHA-256's."""
        return sha256(data).digest()

    def sign(self, data: bytes) -> bytes:
        """Sign by PKCS #1 v1.5."""
        return self._key.sign(data, PKCS1v15(), SHA256_HASH())


class GostDataKey(DataKey):
    """GOST 34.10-2015 over Streebog of the same size: numbers little-endian, r before s."""

    def __init__(self, curve: Curve, secret: int) -> None:
        self._curve, self._secret, bits = curve, secret, 8 * curve.size
        self.signature_method, self.digest_method = GOST_SIGNATURE[bits], GOST_DIGEST[bits]

    def digest(self, data: bytes) -> bytes:
        """Return Streebog's."""
        return streebog(data, 8 * self._curve.size)

    def sign(self, data: bytes) -> bytes:
        """Sign with a new random number each time."""
        r, s = sign(self._curve, self._secret, int.from_bytes(self.digest(data), "little"))
        return r.to_bytes(self._curve.size, "little") + s.to_bytes(self._curve.size, "little")
