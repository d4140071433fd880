"""Keys and certificates of the gateway."""

from dataclasses import dataclass
from datetime import datetime

from appealbus.simulator.signing.algorithms import PrivateKey, PublicKey


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
