"""Public keys of certificates: RSA or GOST."""

from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appealbus.connectors.signing.certificates import PublicKey
from appealbus.connectors.signing.signature import RSA_SHA256, SHA256
from appealbus.core import ConfigError

MIN_BITS = 2048
"""Shorter RSA keys count as insecure since 2013 (NIST SP 800-131A), and public authorities certify none."""

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class RsaPublicKey(PublicKey):
    """RSA with SHA-256."""

    signature_method = RSA_SHA256
    digest_method = SHA256

    def __init__(self, key: RSAPublicKey) -> None:
        self._key = key

    def digest(self, data: bytes) -> bytes:
        return sha256(data).digest()

    def signed_message(self, data: bytes, signature: bytes) -> bool:
        """Verify by PKCS #1 v1.5."""
        return self._verified(signature, data, hashes.SHA256())

    def issued(self, document: x509.Certificate | x509.CertificateRevocationList, signed: bytes) -> bool:
        """Verify by PKCS #1 v1.5, with SHA-256 or a longer one."""
        try:
            algorithm = document.signature_hash_algorithm
        except UnsupportedAlgorithm:
            return False
        return isinstance(algorithm, _HASHES) and self._verified(document.signature, signed, algorithm)

    def _verified(self, signature: bytes, data: bytes, algorithm: hashes.HashAlgorithm) -> bool:
        try:
            self._key.verify(signature, data, PKCS1v15(), algorithm)
        except InvalidSignature:
            return False
        return True


def public_key(certificate: x509.Certificate, name: str) -> PublicKey:
    """Return the key of a certificate; `name` is the file's, for errors. Raises ConfigError for unaccepted keys."""
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        # GOST is read only where it is used: who has RSA alone needs neither asn1crypto nor libgcrypt.
        from appealbus.connectors.signing.gost.public_key import gost_public_key

        return gost_public_key(certificate, name)
    except ValueError:
        raise ConfigError(f"{name}: the key in this certificate is broken; ask its owner for the file anew") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise ConfigError(f"{name}: neither an RSA certificate of {MIN_BITS} bits or more nor one of GOST 34.10-2015")
    return RsaPublicKey(key)
