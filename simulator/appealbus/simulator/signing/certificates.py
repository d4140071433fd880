"""Reads certificates with Kazakhstan's object identifiers, and issues them for tests."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asn1crypto import core, pem, x509

from appealbus.simulator.settings import Algorithm
from appealbus.simulator.signing.algorithms import (
    GOST_CURVES,
    Certificate,
    GostPublic,
    PrivateKey,
    PublicKey,
    RsaPublic,
)

_KZ = "1.2.398.3.10.1"
RSA_KEY: Final = "1.2.840.113549.1.1.1"
_RSA_SIGNATURE = "1.2.840.113549.1.1.11"
GOST_KEY: Final = {Algorithm.GOST_512: f"{_KZ}.1.2.2", Algorithm.GOST_256: f"{_KZ}.1.2.1"}
GOST_PARAMETERS: Final = {
    Algorithm.GOST_512: (f"{_KZ}.1.2.2.1", f"{_KZ}.3.3"),
    Algorithm.GOST_256: (f"{_KZ}.1.2.1.1", f"{_KZ}.3.2"),
}
_GOST_SIGNATURE = {Algorithm.GOST_512: f"{_KZ}.1.2.3.2", Algorithm.GOST_256: f"{_KZ}.1.2.3.1"}
_OF_KEY = {oid: algorithm for algorithm, oid in GOST_KEY.items()}
_SHORT = {"common_name": "CN", "organization_name": "O", "country_name": "C", "serial_number": "SERIALNUMBER"}


class AlgorithmIdentifier(core.Sequence):  # type: ignore[misc]
    """An algorithm with parameters of any type."""

    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})]


class PublicKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", AlgorithmIdentifier), ("public_key", core.OctetBitString)]


class _Content(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("version", core.Integer, {"explicit": 0, "default": 0}),
        ("serial_number", core.Integer),
        ("signature", AlgorithmIdentifier),
        ("issuer", x509.Name),
        ("validity", x509.Validity),
        ("subject", x509.Name),
        ("public_key", PublicKeyInfo),
        ("extensions", x509.Extensions, {"explicit": 3, "optional": True}),
    ]


class _Certificate(core.Sequence):  # type: ignore[misc]
    _fields = [("content", _Content), ("signature_algorithm", AlgorithmIdentifier), ("signature", core.OctetBitString)]


class Oids(core.SequenceOf):  # type: ignore[misc]
    _child_spec = core.ObjectIdentifier


def read_certificate(data: bytes) -> Certificate:
    """Parse a certificate in PEM or DER; raise ValueError if it is invalid, or its key neither GOST 2015 nor RSA."""
    der = pem.unarmor(data)[2] if pem.detect(data) else data
    content = _Certificate.load(der, strict=True)["content"]
    validity = content["validity"]
    return Certificate(
        der=der,
        serial=int(content["serial_number"].native),
        issuer=_rfc2253(content["issuer"]),
        not_before=validity["not_before"].native,
        not_after=validity["not_after"].native,
        key=_public_key(content["public_key"]),
    )


def _public_key(info: Any) -> PublicKey:
    oid = info["algorithm"]["algorithm"].dotted
    if oid == RSA_KEY:
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        return RsaPublic(load_der_public_key(info.dump()))
    if oid not in _OF_KEY:
        raise ValueError(f"a key of the kind {oid} is neither GOST 2015 nor RSA")
    algorithm = _OF_KEY[oid]
    size = GOST_CURVES[algorithm].size
    octets = core.OctetString.load(info["public_key"].native, strict=True).native
    if len(octets) != 2 * size:
        raise ValueError("the public key has the wrong length")
    return GostPublic(algorithm, (int.from_bytes(octets[:size], "little"), int.from_bytes(octets[size:], "little")))


def _rfc2253(name: x509.Name) -> str:
    parts = [part for group in name.chosen for part in group]
    return ",".join(
        f"{_SHORT.get(part['type'].native, part['type'].dotted)}={_quoted(part['value'].native)}"
        for part in reversed(parts)
    )


def _quoted(text: str) -> str:
    return "".join(f"\\{char}" if char in ',+"\\<>;' else char for char in text)


def gost_key_info(algorithm: Algorithm) -> AlgorithmIdentifier:
    """Return the identifier of a GOST key in certificates and key files."""
    return AlgorithmIdentifier(
        {"algorithm": GOST_KEY[algorithm], "parameters": core.Any(Oids(GOST_PARAMETERS[algorithm]))}
    )


def gost_public_info(key: GostPublic) -> PublicKeyInfo:
    """Return a GOST key in certificate form: x and y, little-endian, in an octet string."""
    size = GOST_CURVES[key.algorithm].size
    octets = b"".join(number.to_bytes(size, "little") for number in key.point)
    return PublicKeyInfo({"algorithm": gost_key_info(key.algorithm), "public_key": core.OctetString(octets).dump()})


def issue(
    subject: dict[str, str],
    key: PublicKeyInfo,
    issuer: dict[str, str],
    signer: PrivateKey,
    algorithm: Algorithm,
    *,
    ca: bool = False,
    days: int = 365,
) -> bytes:
    """Issue a certificate in PEM for a subject's key.

    `algorithm` is that of the issuer's key, and a `ca` may issue certificates. Validity begins an hour ago, as clocks
    differ.
    """
    begins = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
    signature = (
        AlgorithmIdentifier({"algorithm": _RSA_SIGNATURE, "parameters": core.Any(core.Null())})
        if algorithm is Algorithm.RSA
        else AlgorithmIdentifier({"algorithm": _GOST_SIGNATURE[algorithm]})
    )
    usage = {"key_cert_sign", "crl_sign"} if ca else {"digital_signature", "non_repudiation"}
    content = _Content(
        {
            "version": 2,
            "serial_number": int.from_bytes(os.urandom(19), "big") | 1,
            "signature": signature,
            "issuer": x509.Name.build(issuer),
            "validity": {
                "not_before": x509.Time({"utc_time": begins}),
                "not_after": x509.Time({"utc_time": begins + timedelta(days=days)}),
            },
            "subject": x509.Name.build(subject),
            "public_key": key,
            "extensions": [
                {"extn_id": "basic_constraints", "critical": True, "extn_value": {"ca": ca}},
                {"extn_id": "key_usage", "critical": True, "extn_value": usage},
            ],
        }
    )
    # By Kazakhstan's identifiers r and s stand in certificates as in messages; RFC 9215 has them the other way round.
    value = signer.sign(content.dump())
    made = _Certificate({"content": content, "signature_algorithm": signature, "signature": value})
    return bytes(pem.armor("CERTIFICATE", made.dump()))
