"""What the gateway signs with, and whose signatures it takes."""

from dataclasses import dataclass
from datetime import datetime

from appealbus.simulator.signing.algorithms import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, as the gateway needs it.

    Attributes:
        der: its bytes.
        serial: its number.
        issuer: the issuer's name as X509IssuerName has it (RFC 2253).
        not_before: from when it holds.
        not_after: until when.
        key: verifies what its holder signed.

    """

    der: bytes
    serial: int
    issuer: str
    not_before: datetime
    not_after: datetime
    key: PublicKey

    def holds(self, now: datetime) -> bool:
        """Return whether it is in force."""
        return self.not_before <= now <= self.not_after


@dataclass(frozen=True, slots=True)
class Pair:
    """A key with its certificate."""

    key: PrivateKey
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Keys:
    """What the gateway and the registers behind it sign with, and whose signatures they take.

    Attributes:
        gateway: signs answers.
        register: signs the content of answers.
        participants: certificates of those who may ask.

    """

    gateway: Pair
    register: Pair
    participants: tuple[Certificate, ...]
