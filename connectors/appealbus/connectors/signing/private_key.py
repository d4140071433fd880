"""Reading our RSA private key."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appealbus.connectors.signing.certificates import read_file
from appealbus.connectors.signing.public_keys import MIN_BITS
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
