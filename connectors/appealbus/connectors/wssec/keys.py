"""Reads keys and certificates from files."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appealbus.core import ConfigError

MIN_BITS = 2048
"""Shorter RSA keys have not been held secure since 2013 (NIST SP 800-131A), and public authorities certify none."""


def read_certificate(path: Path) -> x509.Certificate:
    """Return the RSA certificate in a PEM or DER file.

    Raises:
        ConfigError: there is none.

    """
    data = _read(path)
    try:
        pem = data.lstrip().startswith(b"-----")
        certificate = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
        key = certificate.public_key()
    except ValueError:
        raise ConfigError(f"{path}: not a certificate; give a PEM or DER file") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise ConfigError(f"{path}: not an RSA certificate of {MIN_BITS} bits or more")
    return certificate


def read_key(path: Path, password: str | None) -> RSAPrivateKey:
    """Return the RSA private key in a PEM file.

    Raises:
        ConfigError: there is none, or the password does not open it.

    """
    try:
        key = load_pem_private_key(_read(path), password.encode() if password is not None else None)
    except (ValueError, TypeError):
        # The library tells a wrong password and a broken file apart only in part, and we must quote neither.
        raise ConfigError(f"{path}: not a PEM private key, or key_password does not fit it") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_BITS:
        raise ConfigError(f"{path}: not an RSA key of {MIN_BITS} bits or more")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
