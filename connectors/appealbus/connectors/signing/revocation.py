"""Lists of certificates that were revoked before their time: files that somebody renews while the bus runs."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from appealbus.connectors.signing.certificates import UNREADABLE, read_file
from appealbus.connectors.signing.trusted import Trusted
from appealbus.core import ConfigError

_MAX_FILE = 64 * 1024 * 1024
"""Bytes: a revoked certificate takes some 40, so these are a million and a half."""
_LOOK = 60.0
"""Seconds after which the file is looked at again. With less, each answer costs a look; with more, a list that was
renewed counts later."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says."""

    stamp: tuple[int, int, int]
    issuer: x509.Name
    serials: frozenset[int]
    last_update: datetime
    next_update: datetime


class RevocationList:
    """A file with a list (CRL), read again when it was replaced. A file that is broken leaves the list that it was."""

    def __init__(self, file: Path, authorities: Sequence[Trusted]) -> None:
        """Read the file.

        Raises:
            ConfigError: it is no whole list by one of the authorities.

        """
        self.file = file
        self._authorities = authorities
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._read = self._load()

    def is_about(self, certificate: x509.Certificate) -> bool:
        """Return whether the list is of the certificate's issuer."""
        return self._read.issuer == certificate.issuer

    def current(self) -> Listed:
        """Return the list as it is now. May read from disk."""
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK:
                self._looked = time.monotonic()
                try:
                    if self._stamp() != self._read.stamp:
                        self._read = self._load()
                except (ConfigError, OSError):
                    pass  # its own time ends what it says; until then it still holds
            return self._read

    def _stamp(self) -> tuple[int, int, int]:
        found = self.file.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load(self) -> Listed:
        try:
            stamp = self._stamp()
        except OSError as error:
            raise ConfigError(f"{self.file} cannot be read: {error.strerror}") from None
        data = read_file(self.file, _MAX_FILE)
        try:
            pem = data.lstrip().startswith(b"-----")
            found = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
            due, partial = found.next_update_utc, _is_partial(found)
            serials = frozenset(each.serial_number for each in found)
        except UNREADABLE:
            raise ConfigError(f"{self.file}: not a list of revoked certificates; give a PEM or DER file") from None
        if partial or due is None:
            raise ConfigError(f"{self.file}: not a whole list that names the time of the next; give the full one")
        named = [each for each in self._authorities if each.certificate.subject == found.issuer]
        if not any(each.key.issued(found) for each in named):
            raise ConfigError(f"{self.file}: no certificate of trusted_ca has signed this list")
        return Listed(stamp, found.issuer, serials, found.last_update_utc, due)


def _is_partial(found: x509.CertificateRevocationList) -> bool:
    """Return whether the list leaves something out: whatever it must be understood for is not understood here."""
    known = (x509.CRLNumber, x509.AuthorityKeyIdentifier)
    return any(
        (each.critical and not isinstance(each.value, known)) or _leaves_out(each.value) for each in found.extensions
    )


def _leaves_out(value: x509.ExtensionType) -> bool:
    """Return whether an extension makes the list a part, also where its author did not mark it as critical."""
    if isinstance(value, x509.IssuingDistributionPoint):
        some = value.only_some_reasons is not None
        return some or value.only_contains_ca_certs or value.only_contains_attribute_certs
    return isinstance(value, x509.DeltaCRLIndicator)
