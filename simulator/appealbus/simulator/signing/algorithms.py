"""Signature algorithms: names, hashes, key operations, and the keys and certificates of the gateway."""

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from appealbus.connectors.signing.gost.libgcrypt import CURVES, Curve, Point, sign, streebog, verify
from appealbus.simulator.settings import Algorithm

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE: Final = f"{_OASIS}wssecurity-secext-1.0.xsd"
WSU: Final = f"{_OASIS}wssecurity-utility-1.0.xsd"
X509_V3: Final = f"{_OASIS}x509-token-profile-1.0#X509v3"

EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
WITH_COMMENTS: Final = f"{INCLUSIVE}#WithComments"
ENVELOPED: Final = f"{DS}enveloped-signature"

_PKI = "urn:ietf:params:xml:ns:pkigovkz:xmlsec:algorithms:"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"


def ds(tag: str) -> str:
    return f"{{{DS}}}{tag}"


def wsse(tag: str) -> str:
    return f"{{{WSSE}}}{tag}"


@dataclass(frozen=True, slots=True)
class Method:
    """Identifiers of an algorithm in messages, and its hash."""

    signature: str
    digest: str
    hash: Callable[[bytes], bytes]


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _gost(bits: int) -> Method:
    name = f"gostr34112015-{bits}"
    return Method(f"{_PKI}gostr34102015-{name}", f"{_PKI}{name}", lambda data: streebog(data, bits))


METHODS: Final = {
    Algorithm.GOST_512: _gost(512),
    Algorithm.GOST_256: _gost(256),
    Algorithm.RSA: Method(f"{_MORE}rsa-sha256", _SHA256, _sha256),
}
# The curve of 512 bits is known from certificates of the national authority, that of 256 bits is its counterpart.
GOST_CURVES: Final = {
    Algorithm.GOST_512: CURVES["1.2.643.7.1.2.1.2.1"],
    Algorithm.GOST_256: CURVES["1.2.643.7.1.2.1.1.1"],
}


@dataclass(frozen=True, slots=True)
class GostPrivate:
    """A GOST key. Numbers are little-endian in messages and keys."""

    algorithm: Algorithm
    secret: int

    @property
    def method(self) -> Method:
        return METHODS[self.algorithm]

    def sign(self, data: bytes) -> bytes:
        """Return r and s."""
        curve = GOST_CURVES[self.algorithm]
        r, s = sign(curve, self.secret, int.from_bytes(self.method.hash(data), "little"))
        return r.to_bytes(curve.size, "little") + s.to_bytes(curve.size, "little")


@dataclass(frozen=True, slots=True)
class GostPublic:
    algorithm: Algorithm
    point: Point

    @property
    def method(self) -> Method:
        return METHODS[self.algorithm]

    def verify(self, data: bytes, signature: bytes) -> bool:
        curve: Curve = GOST_CURVES[self.algorithm]
        if len(signature) != 2 * curve.size:
            return False
        halves = signature[: curve.size], signature[curve.size :]
        r, s = (int.from_bytes(half, "little") for half in halves)
        return verify(curve, self.point, int.from_bytes(self.method.hash(data), "little"), (r, s))


@dataclass(frozen=True, slots=True)
class RsaPrivate:
    key: Any
    method: Method = METHODS[Algorithm.RSA]

    def sign(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return bytes(self.key.sign(data, PKCS1v15(), SHA256()))


@dataclass(frozen=True, slots=True)
class RsaPublic:
    key: Any
    method: Method = METHODS[Algorithm.RSA]

    def verify(self, data: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            self.key.verify(signature, data, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


class ThrowawayKey:
    """Signs content when no keys are configured: valid in form, but not verifiable.

    Registers always sign, so their answers have a signature even then. HMAC costs next to nothing.
    """

    method: Final = Method(f"{_MORE}hmac-sha256", _SHA256, _sha256)

    def __init__(self) -> None:
        self._secret = os.urandom(32)

    def sign(self, data: bytes) -> bytes:
        return hmac.digest(self._secret, data, "sha256")


PrivateKey: TypeAlias = GostPrivate | RsaPrivate | ThrowawayKey
PublicKey: TypeAlias = GostPublic | RsaPublic


@dataclass(frozen=True, slots=True)
class Certificate:
    """A parsed certificate; `issuer` is in the form of X509IssuerName (RFC 2253)."""

    der: bytes
    serial: int
    issuer: str
    not_before: datetime
    not_after: datetime
    key: PublicKey

    def holds(self, now: datetime) -> bool:
        return self.not_before <= now <= self.not_after


@dataclass(frozen=True, slots=True)
class Pair:
    key: PrivateKey
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of the gateway, which signs answers, and of the registers, which sign their content.

    `participants` are the certificates of permitted senders.
    """

    gateway: Pair
    register: Pair
    participants: tuple[Certificate, ...]
