"""Reading GOST private keys: PKCS #8 in PEM, with the identifiers of Russia (RFC 9215) and of Kazakhstan."""

import hashlib
from pathlib import Path

from asn1crypto import algos, core, keys, pem
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from appealbus.connectors.signing.certificates import read_file
from appealbus.connectors.signing.gost.libgcrypt import CURVES, Curve
from appealbus.core import ConfigError

_MAX_FILE = 64 * 1024
_MAX_ITERATIONS = 10_000_000
"""OpenSSL writes 2,048 and may be asked for more; a file must not block the start."""

_ALGORITHMS = ("1.2.643.7.1.1.1.1", "1.2.643.7.1.1.1.2", "1.2.398.3.10.1.1.2.1", "1.2.398.3.10.1.1.2.2")
_SETS = {"1.2.398.3.10.1.1.2.1.1": "1.2.643.7.1.2.1.1.1", "1.2.398.3.10.1.1.2.2.1": "1.2.643.7.1.2.1.2.1"}
"""Kazakhstan's identifiers of curves, mapped to Russia's identifiers of the same ones."""


class _Parameters(core.Sequence):  # type: ignore[misc]  # the library has no types
    _fields = [
        ("set", core.ObjectIdentifier),
        ("hash", core.ObjectIdentifier, {"optional": True}),
        ("cipher", core.ObjectIdentifier, {"optional": True}),
    ]


class _Algorithm(core.Sequence):  # type: ignore[misc]
    _fields = [("oid", core.ObjectIdentifier), ("parameters", _Parameters)]


class _PrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("version", core.Integer),
        ("algorithm", _Algorithm),
        ("key", core.OctetString),
        ("attributes", core.Any, {"optional": True, "implicit": 0}),
        ("public", core.Any, {"optional": True, "implicit": 1}),
    ]


def read_gost_key(path: Path, password: str | None) -> tuple[Curve, int]:
    """Return the curve and the secret number of the key in a PEM file. Raises ConfigError."""
    data = read_file(path, _MAX_FILE)
    try:
        kind, _, der = pem.unarmor(data)
        if kind == "ENCRYPTED PRIVATE KEY":
            der = _opened(der, password or "")
        elif kind != "PRIVATE KEY" or password is not None:
            raise ValueError
        info = _PrivateKeyInfo.load(der, strict=True)
        algorithm = info["algorithm"]["oid"].dotted
        oid = info["algorithm"]["parameters"]["set"].dotted
        curve = CURVES[_SETS.get(oid, oid)]
        if algorithm not in _ALGORITHMS:
            raise ValueError
        secret = _number(info["key"].native, curve.size)
    except (ValueError, TypeError, KeyError, NotImplementedError):
        # What is wrong inside must not be quoted, and a wrong password is told from a broken file only in part.
        reason = "not a PEM private key of GOST 34.10-2015 (PKCS #8), or key_password does not fit it"
        raise ConfigError(f"{path}: {reason}") from None
    return curve, secret


def _number(octets: bytes, size: int) -> int:
    """Return the secret number.

    Three encodings occur: little-endian bytes (RFC 9215), the same in a nested OCTET STRING, and a big-endian INTEGER.
    """
    if len(octets) == size:
        return int.from_bytes(octets, "little")
    inner = core.load(octets, strict=True)
    if isinstance(inner, core.Integer):
        return int(inner.native)
    if isinstance(inner, core.OctetString) and len(inner.native) == size:
        return int.from_bytes(inner.native, "little")
    raise ValueError


def _opened(der: bytes, password: str) -> bytes:
    """Decrypt a key encrypted by PBES2 with PBKDF2 and AES, as OpenSSL does."""
    locked = keys.EncryptedPrivateKeyInfo.load(der, strict=True)
    how: algos.EncryptionAlgorithm = locked["encryption_algorithm"]
    if how.kdf != "pbkdf2" or how.encryption_cipher != "aes" or how.encryption_mode != "cbc":
        raise ValueError
    if not 0 < how.kdf_iterations <= _MAX_ITERATIONS:
        raise ValueError("too many iterations")
    secret = hashlib.pbkdf2_hmac(how.kdf_hmac, password.encode(), how.kdf_salt, how.kdf_iterations, how.key_length)
    opening = Cipher(AES(secret), CBC(how.encryption_iv)).decryptor()
    padded = opening.update(locked["encrypted_data"].native) + opening.finalize()
    unpadding = PKCS7(128).unpadder()
    return unpadding.update(padded) + unpadding.finalize()
