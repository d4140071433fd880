"""Certificate revocation lists: files that are renewed while the bus runs."""

import base64
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509

from appealbus.connectors.signing.certificates import UNREADABLE, read_file
from appealbus.connectors.signing.trusted import Trusted
from appealbus.core import ConfigError
from appealbus.core.clocks import wall

log = structlog.get_logger(__name__)

_MAX_FILE = 64 * 1024 * 1024
"""Bytes: a revoked certificate takes some 40, so this is room for a million and a half."""
_LOOK = 60.0
"""Seconds between checks of the file. Less costs time for each answer; more delays a renewed list."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Content of a list."""

    stamp: tuple[int, int, int]
    issuer: x509.Name
    serials: frozenset[int]
    last_update: datetime
    next_update: datetime


class RevocationList:
    """A file with a list (CRL), read again when it was replaced. While the file is broken, the previous list stays."""

    def __init__(self, file: Path, authorities: Sequence[Trusted]) -> None:
        """Read the file. Raises ConfigError if it is not a complete list by one of the authorities."""
        self.file = file
        self._authorities = authorities
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._trouble: str | None = None
        self._read = self._load()

    @property
    def is_broken(self) -> bool:
        """Whether the current file was rejected, so that the previous list is in use."""
        return self._trouble is not None

    def is_about(self, certificate: x509.Certificate) -> bool:
        """Whether the list is by the certificate's issuer."""
        return self._read.issuer == certificate.issuer

    def current(self) -> Listed:
        """Return the current list. May read from disk."""
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK:
                self._looked = time.monotonic()
                self._look()
            return self._read

    def _look(self) -> None:
        """Read the file again if it was replaced, and report once if it is rejected."""
        trouble = None
        try:
            if self._stamp() != self._read.stamp:
                self._read = self._load()
        except ConfigError as error:
            trouble = str(error)
        if trouble is not None and trouble != self._trouble:
            left = (self._read.next_update - wall()).total_seconds()
            reason = f"{trouble}; until it is mended the list before it counts, for so many seconds at most"
            log.warning("crl.not_taken", reason=reason, seconds=max(0, int(left)))
        self._trouble = trouble

    def _stamp(self) -> tuple[int, int, int]:
        try:
            status = self.file.stat()
        except OSError as error:
            raise ConfigError(f"{self.file} cannot be read: {error.strerror}; put the list there") from None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _load(self) -> Listed:
        stamp = self._stamp()
        data = read_file(self.file, _MAX_FILE)
        try:
            der = _from_pem(data) if data.lstrip().startswith(b"-----") else data
            parsed = x509.load_der_x509_crl(der)
            due, partial = parsed.next_update_utc, _is_partial(parsed)
            serials = frozenset(entry.serial_number for entry in parsed)
        except UNREADABLE:
            raise ConfigError(f"{self.file}: not a list of revoked certificates; give a PEM or DER file") from None
        if partial or due is None:
            raise ConfigError(f"{self.file}: not a whole list that names the time of the next; give the full one")
        named = [authority for authority in self._authorities if authority.certificate.subject == parsed.issuer]
        signed = _signed_part(der)
        if not any(authority.key.issued(parsed, signed) for authority in named):
            raise ConfigError(f"{self.file}: no certificate of trusted_ca has signed this list")
        return Listed(stamp, parsed.issuer, serials, parsed.last_update_utc, due)


def _from_pem(data: bytes) -> bytes:
    # Not by the library, which keeps the interpreter from all other threads for ten times as long.
    head, _, rest = data.partition(b"-----BEGIN X509 CRL-----")
    body, end, _ = rest.partition(b"-----END X509 CRL-----")
    if head.strip() or not end:
        raise ValueError
    return base64.b64decode(body.translate(None, b" \t\r\n"), validate=True)


def _signed_part(der: bytes) -> bytes:
    """Return tbsCertList, with which a readable list begins.

    The library would serialize it entry by entry, and block all other threads.
    """
    start, _ = _content(der, 0)
    inside, size = _content(der, start)
    return der[start : inside + size]


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Return the offset of a DER value's content, and its length in bytes."""
    size = der[at + 1]
    if size < 0x80:
        return at + 2, size
    end = at + 2 + (size & 0x7F)
    return end, int.from_bytes(der[at + 2 : end], "big")


def _is_partial(parsed: x509.CertificateRevocationList) -> bool:
    """Whether the list is incomplete. An unknown critical extension counts as that."""
    known = (x509.CRLNumber, x509.AuthorityKeyIdentifier)
    return any(
        (extension.critical and not isinstance(extension.value, known)) or _leaves_out(extension.value)
        for extension in parsed.extensions
    )


def _leaves_out(value: x509.ExtensionType) -> bool:
    """Whether an extension makes the list partial, even if not marked as critical."""
    if isinstance(value, x509.IssuingDistributionPoint):
        some = value.only_some_reasons is not None
        return some or value.only_contains_ca_certs or value.only_contains_attribute_certs
    return isinstance(value, x509.DeltaCRLIndicator)
