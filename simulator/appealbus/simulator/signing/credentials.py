"""Keys and certificates of the gateway."""

from dataclasses import dataclass
from datetime import datetime

from appealbus.simulator.signing.algorithms import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class Certificate:
    """A parsed certificate.

    Attributes:
        der: its bytes.
        serial: its number.
        issuer: issuer's name as in X509IssuerName (RFC 2253).
        not_before: begin of validity.
        not_after: end of validity.
        key: the holder's public key.
    """

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
    """Keys of the gateway and of the registers behind it, and trusted certificates.

    Attributes:
        gateway: signs answers.
        register: signs the content of answers.
        participants: certificates of permitted senders.
    """

    gateway: Pair
    register: Pair
    participants: tuple[Certificate, ...]
