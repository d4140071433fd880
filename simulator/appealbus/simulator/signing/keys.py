"""Folder with the keys of a signed contour: created at the first start, synthetic throughout."""

import secrets
from pathlib import Path
from typing import Final

from asn1crypto import core, pem

from appealbus.connectors.signing.gost.libgcrypt import public_point
from appealbus.core import ConfigError
from appealbus.simulator.settings import Algorithm
from appealbus.simulator.signing.algorithms import (
    GOST_CURVES,
    Certificate,
    GostPrivate,
    GostPublic,
    Keys,
    Pair,
    PrivateKey,
    RsaPrivate,
)
from appealbus.simulator.signing.certificates import (
    GOST_KEY,
    RSA_KEY,
    AlgorithmIdentifier,
    PublicKeyInfo,
    gost_key_info,
    gost_public_info,
    issue,
    read_certificate,
)

CLIENT: Final = "client"
GATEWAY: Final = "gateway"
REGISTER: Final = "register"
_CA: Final = "ca"
_NAMES = {
    _CA: {"country_name": "KZ", "common_name": "Тестовый центр, ГОСТ и RSA"},
    CLIENT: {"country_name": "KZ", "organization_name": "Тестовый акимат", "common_name": "Тестовый участник"},
    GATEWAY: {"country_name": "KZ", "common_name": 'Тестовый шлюз "ЭП"'},
    REGISTER: {"country_name": "KZ", "common_name": "Тестовый реестр, все базы"},
}


class _PrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields = [("version", core.Integer), ("algorithm", AlgorithmIdentifier), ("private_key", core.OctetString)]


def load_keys(folder: Path) -> Keys:
    """Load `gateway` and `register` (`.key`, `.pem`) and the participant's `client.pem`; raise ConfigError if one
    fails."""
    pairs = {
        name: Pair(load_key(folder / f"{name}.key"), _read(folder / f"{name}.pem")) for name in (GATEWAY, REGISTER)
    }
    return Keys(pairs[GATEWAY], pairs[REGISTER], (_read(folder / f"{CLIENT}.pem"),))


def _read(path: Path) -> Certificate:
    try:
        return read_certificate(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; an empty folder is filled with new keys") from None
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: no certificate of the kinds GOST 2015 and RSA: {error}") from None


def load_key(path: Path) -> PrivateKey:
    """Load a private key in PKCS#8 without a password; raise ConfigError if the file is absent or invalid."""
    try:
        pem_name, _, der = pem.unarmor(path.read_bytes())
        info = _PrivateKeyInfo.load(der, strict=True)
        if pem_name != "PRIVATE KEY" or info["version"].native != 0:
            raise ValueError(f"it is a {pem_name}")
        kind = info["algorithm"]["algorithm"].dotted
        for algorithm, oid in GOST_KEY.items():
            if kind == oid:
                return GostPrivate(algorithm, int.from_bytes(info["private_key"].native, "little"))
        if kind == RSA_KEY:
            from cryptography.hazmat.primitives.serialization import load_der_private_key

            return RsaPrivate(load_der_private_key(der, None))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; an empty folder is filled with new keys") from None
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: no private key in PKCS#8 without a password: {error}") from None
    raise ConfigError(f"{path}: a key of the kind {kind} is neither GOST 2015 nor RSA")


def make_keys(folder: Path, algorithm: Algorithm, *, days: int = 365) -> None:
    """Create keys and certificates of a participant, the gateway, the registers and their issuer.

    The issuer's own key is discarded. If all files exist, nothing is changed. Raises ConfigError if the folder is not
    writable, has only some of the files, or libgcrypt is absent.
    """
    files = [folder / f"{name}{ending}" for name in (CLIENT, GATEWAY, REGISTER) for ending in (".key", ".pem")]
    there = [file.exists() for file in (*files, folder / f"{_CA}.pem")]
    if all(there):
        return
    if any(there):
        raise ConfigError(f"{folder}: some of the keys are there and some are not; empty the folder, or choose another")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        issuer, public, _ = _generate(algorithm)
        named = _NAMES[_CA]
        (folder / f"{_CA}.pem").write_bytes(issue(named, public, named, issuer, algorithm, ca=True, days=days))
        for name in (CLIENT, GATEWAY, REGISTER):
            _, public, written = _generate(algorithm)
            key = folder / f"{name}.key"
            key.touch(mode=0o600)
            key.write_bytes(written)
            (folder / f"{name}.pem").write_bytes(issue(_NAMES[name], public, named, issuer, algorithm, days=days))
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}") from None


def _generate(algorithm: Algorithm) -> tuple[PrivateKey, PublicKeyInfo, bytes]:
    if algorithm is Algorithm.RSA:
        return _generate_rsa()
    # Both curves' orders have their highest bits set or next to it, so a number of one bit less lies in range.
    curve = GOST_CURVES[algorithm]
    secret = secrets.randbits(8 * curve.size - 2) | 1
    public = GostPublic(algorithm, public_point(curve, secret))
    info = _PrivateKeyInfo(
        {"version": 0, "algorithm": gost_key_info(algorithm), "private_key": secret.to_bytes(curve.size, "little")}
    )
    return GostPrivate(algorithm, secret), gost_public_info(public), bytes(pem.armor("PRIVATE KEY", info.dump()))


def _generate_rsa() -> tuple[PrivateKey, PublicKeyInfo, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    key = generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return RsaPrivate(key), PublicKeyInfo.load(public), written
