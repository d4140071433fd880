"""Our own signing key, RSA or GOST. It shares no encoding with `public_keys`."""

from abc import ABC, abstractmethod
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256 as SHA256_HASH
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appealbus.connectors.signing.certificates import read_file
from appealbus.connectors.signing.gost.libgcrypt import Curve, load, sign, streebog
from appealbus.connectors.signing.gost.private_key import read_gost_key
from appealbus.connectors.signing.public_keys import MIN_BITS
from appealbus.connectors.signing.signature import GOST_DIGEST, GOST_SIGNATURE, RSA_SHA256, SHA256
from appealbus.core import ConfigError

_MAX_FILE = 64 * 1024
"""Bytes of a file: a key has a few thousand."""


def read_key(path: Path, password: str | None) -> RSAPrivateKey:
    """Return the RSA private key in a PEM file. Raises ConfigError if there is none, or the password is wrong."""
    try:
        key = load_pem_private_key(read_file(path, _MAX_FILE), password.encode() if password is not None else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library tells a wrong password and a broken file apart only in part, and we must quote neither.
        raise ConfigError(f"{path}: not a PEM private key, or key_password does not fit it") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_BITS:
        raise ConfigError(f"{path}: not an RSA key of {MIN_BITS} bits or more")
    return key


class SigningKey(ABC):
    """One of our keys, and the one pair of methods (algorithm URIs) that its signatures name."""

    signature_method: str
    digest_method: str

    @abstractmethod
    def digest(self, data: bytes) -> bytes:
        """Return the hash of the data in the format of DigestValue."""

    @abstractmethod
    def sign(self, data: bytes) -> bytes:
        """Return the signature of the data in the format of SignatureValue."""


class RsaSigningKey(SigningKey):
    """RSA with SHA-256."""

    signature_method = RSA_SHA256
    digest_method = SHA256

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    def digest(self, data: bytes) -> bytes:
        return sha256(data).digest()

    def sign(self, data: bytes) -> bytes:
        """Sign by PKCS #1 v1.5."""
        return self._key.sign(data, PKCS1v15(), SHA256_HASH())


class GostSigningKey(SigningKey):
    """GOST 34.10-2015 over Streebog of the same size: numbers little-endian, r before s."""

    def __init__(self, curve: Curve, secret: int) -> None:
        self._curve, self._secret, bits = curve, secret, 8 * curve.size
        self.signature_method, self.digest_method = GOST_SIGNATURE[bits], GOST_DIGEST[bits]

    def digest(self, data: bytes) -> bytes:
        return streebog(data, 8 * self._curve.size)

    def sign(self, data: bytes) -> bytes:
        """Sign with a new random number each time."""
        r, s = sign(self._curve, self._secret, int.from_bytes(self.digest(data), "little"))
        return r.to_bytes(self._curve.size, "little") + s.to_bytes(self._curve.size, "little")


def read_signing_key(method: str, path: Path, password: str | None) -> SigningKey:
    """Return the private key in a file for `rsa-sha256`, `gost-512` or `gost-256`. Raises ConfigError."""
    if method == "rsa-sha256":
        return RsaSigningKey(read_key(path, password))
    load()
    curve, secret = read_gost_key(path, password)
    if method != f"gost-{8 * curve.size}":
        raise ConfigError(f'{path}: a key of {8 * curve.size} bits; write sign = "gost-{8 * curve.size}"')
    return GostSigningKey(curve, secret)
