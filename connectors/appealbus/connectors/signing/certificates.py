"""Certificates: reading them from files, and what their public keys are for."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appealbus.core import CertificateState, ConfigError
from appealbus.core.config.files import writable_by_others

# National authorities write names that are longer than the standard says. Nobody can mend that, so nobody is told.
warnings.filterwarnings("ignore", "Attribute's length must be", UserWarning)
warnings.filterwarnings("ignore", "Parsed a serial number which wasn't positive", UserWarning)

UNREADABLE: Final = (
    ValueError,
    TypeError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""Errors that `cryptography` raises for broken certificates and revocation lists, at loading or first access."""

_MAX_FILE = 1024 * 1024
"""Bytes of a file: a certificate has a few thousand, a chain of them some ten thousand."""


class PublicKey(ABC):
    """A key, and the one pair of methods (algorithm URIs) that its signatures may name."""

    signature_method: str
    digest_method: str

    @abstractmethod
    def digest(self, data: bytes) -> bytes:
        """Return the hash of the data by the digest method."""

    @abstractmethod
    def signed_message(self, data: bytes, signature: bytes) -> bool:
        """Whether the key signed the data, which is a canonical SignedInfo."""

    @abstractmethod
    def issued(self, document: x509.Certificate | x509.CertificateRevocationList, signed: bytes) -> bool:
        """Whether the key signed a document; `signed` is its tbsCertificate or tbsCertList."""


def read_certificate(path: Path) -> x509.Certificate:
    """Return the one certificate in a PEM or DER file. Raises ConfigError if there is none, or more than one."""
    certificates = read_certificates(path)
    if len(certificates) != 1:
        raise ConfigError(f"{path}: holds {len(certificates)} certificates; give a file with the one that is meant")
    return certificates[0]


def read_certificates(path: Path) -> Sequence[x509.Certificate]:
    """Return the certificates in a PEM or DER file, at least one. Raises ConfigError if there is none."""
    data = read_file(path, _MAX_FILE)
    try:
        pem = b"-----BEGIN" in data
        return x509.load_pem_x509_certificates(data) if pem else [x509.load_der_x509_certificate(data)]
    except UNREADABLE:
        raise ConfigError(f"{path}: not a certificate; give a PEM or DER file") from None


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def common_name(certificate: x509.Certificate) -> str:
    """Return the owner's common name, or the serial number if there is none."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else f"serial number {certificate.serial_number}"


def is_valid_at(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def states(used: Iterable[tuple[Path, str]]) -> tuple[CertificateState, ...]:
    """Return the state of certificates in files with their purpose. Raises ConfigError if one cannot be read."""
    states = []
    for file, purpose in used:
        for number, certificate in enumerate(read_certificates(file), 1):
            name = file.name if number == 1 else f"{file.name} #{number}"
            when = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            states.append(CertificateState(name, purpose, common_name(certificate), *when))
    return tuple(states)


def read_file(path: Path, limit: int) -> bytes:
    """Read a file. Raises ConfigError if it cannot be read, exceeds the limit, or is writable by others."""
    if problem := writable_by_others(path):
        raise ConfigError(problem)
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise ConfigError(f"{path} has more than {limit} bytes")
    return data
