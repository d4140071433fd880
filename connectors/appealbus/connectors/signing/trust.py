"""Trusted certificates: pinned ones, and those that a pinned authority issued to a configured subject."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from appealbus.connectors.signing.certificates import UNREADABLE, is_valid_at, read_certificate, read_certificates
from appealbus.connectors.signing.public_keys import public_key
from appealbus.connectors.signing.revocation import RevocationList
from appealbus.connectors.signing.signature import KeyInfo, failed_as_all
from appealbus.connectors.signing.trusted import Trusted
from appealbus.core import ConfigError
from appealbus.schemas.outcome import OutcomeKind

E = TypeVar("E", bound=x509.ExtensionType)

_MAX_BROUGHT = 64 * 1024
"""Bytes of a certificate in a message, usually a few thousand. Parsing ten million blocks all threads for seconds."""


@dataclass(frozen=True)
class Trust:
    """Accepted signers of a source's answers.

    Attributes:
        pinned: certificates of the peer.
        authorities: issuers of other certificates and of revocation lists.
        subject: required owner fields of a certificate that is not pinned, by object identifier; empty: only pinned
            ones are accepted.
        revoked: revocation lists.
    """

    pinned: tuple[Trusted, ...]
    authorities: tuple[Trusted, ...] = ()
    subject: Mapping[str, str] = field(default_factory=dict)
    revoked: tuple[RevocationList, ...] = ()

    @cached_property
    def methods(self) -> frozenset[tuple[str, str]]:
        """The methods that its keys can verify. An authority's certificates have its own kind of key."""
        keys = (trusted.key for trusted in (*self.pinned, *(self.authorities if self.subject else ())))
        return frozenset((key.signature_method, key.digest_method) for key in keys)

    def candidates(self, info: KeyInfo, methods: tuple[str, str]) -> Sequence[Trusted]:
        """Return the candidates for a message's signer: the one it names or brings, or else all pinned ones.

        From a chain this is the pinned one in any position; without one, those that an authority issued to the subject.
        Raises CallFailed `wssec.untrusted`, `wssec.algorithm`.
        """
        trusted = [pin for pin in self.pinned if pin.is_meant(info)]
        if not trusted:
            trusted = [issued for issued in map(self._issued, info.certificates) if issued is not None]
        if not trusted:
            raise failed_as_all("wssec.untrusted", "the message is signed with a certificate that is not trusted")
        able = [signer for signer in trusted if (signer.key.signature_method, signer.key.digest_method) == methods]
        if not able:
            raise failed_as_all("wssec.algorithm", "the certificate that the message names is not for this algorithm")
        return able

    def check(self, signer: Trusted, moment: datetime, came_at: datetime | None = None) -> None:
        """Reject a certificate that is not valid at this moment.

        A stored message is checked again with `came_at`: the certificate must have been valid then, but the current
        lists decide about its revocation.

        Raises:
            CallFailed: `wssec.expired`, `wssec.revoked`; `wssec.crl_outdated`, `wssec.crl_broken` and
                `wssec.crl_missing`, if that is unknown.
        """
        then = came_at or moment
        issued = not signer.issuers or any(is_valid_at(issuer.certificate, then) for issuer in signer.issuers)
        if not issued or not is_valid_at(signer.certificate, then):
            raise failed_as_all("wssec.expired", "the certificate that signed the message is not valid at this time")
        lists = [revoked for revoked in self.revoked if revoked.is_about(signer.certificate)]
        if self.revoked and not lists and not _is_its_own(signer.certificate):
            reason = "no list of revoked certificates is by who issued the one that signed the message: give it as crl"
            raise failed_as_all("wssec.crl_missing", reason, OutcomeKind.UNAVAILABLE)
        for revoked in lists:
            now = revoked.current()
            if signer.certificate.serial_number in now.serials:
                raise failed_as_all("wssec.revoked", "the certificate that signed the message was revoked")
            if not now.last_update <= moment <= now.next_update:
                if revoked.is_broken:
                    reason = "the list of revoked certificates has ended, and its file is not taken: give a whole one"
                    raise failed_as_all("wssec.crl_broken", reason, OutcomeKind.UNAVAILABLE)
                reason = "the list of revoked certificates is not of this time: renew the file"
                raise failed_as_all("wssec.crl_outdated", reason, OutcomeKind.UNAVAILABLE)

    def _issued(self, der: bytes) -> Trusted | None:
        """Return a certificate from a message if one of the authorities issued it to the subject."""
        if not self.subject or len(der) > _MAX_BROUGHT:
            return None
        try:
            certificate = x509.load_der_x509_certificate(der)
            # An authority that renewed its certificate and kept its key may be there twice.
            named = [authority for authority in self.authorities if authority.certificate.subject == certificate.issuer]
            issuers = tuple(root for root in named if root.key.issued(certificate, certificate.tbs_certificate_bytes))
            # What no authority signed is looked into no further: anybody can write a key that takes minutes to read.
            if issuers and _has(certificate, self.subject) and _may_sign(certificate):
                return Trusted(certificate, public_key(certificate, "the message"), issuers)
        except (*UNREADABLE, ConfigError):
            pass
        return None


def load_trusted(files: Sequence[Path]) -> Trust:
    """Trust the certificates in these files only. Raises ConfigError if one cannot be read."""
    return Trust(tuple(_pinned(file) for file in files))


def load_trust(
    pinned: Sequence[Path], authorities: Sequence[Path], subject: Mapping[str, str], revoked: Sequence[Path]
) -> Trust:
    """Load the configured trust: pinned certificates, authorities and revocation lists. Raises ConfigError."""
    roots = tuple(authority for file in authorities for authority in _authorities(file))
    lists = tuple(RevocationList(file, roots) for file in revoked)
    peers = tuple(_pinned(file) for file in pinned)
    for file, peer in zip(pinned, peers, strict=True):
        if lists and not _is_its_own(peer.certificate) and not any(item.is_about(peer.certificate) for item in lists):
            raise ConfigError(f"{file}: no list of crl is by who issued it; give that list, or leave crl out")
    return Trust(peers, roots, subject, lists)


def _pinned(file: Path) -> Trusted:
    certificate = read_certificate(file)
    return Trusted(certificate, public_key(certificate, str(file)))


def _authorities(file: Path) -> Iterator[Trusted]:
    for certificate in read_certificates(file):
        if not _may_issue(certificate):
            raise ConfigError(f"{file}: not the certificate of an authority; give it as trusted to pin it")
        yield Trusted(certificate, public_key(certificate, str(file)))


def _is_its_own(certificate: x509.Certificate) -> bool:
    """Whether it is self-issued, so that no list can revoke it."""
    return certificate.issuer == certificate.subject


def _has(certificate: x509.Certificate, subject: Mapping[str, str]) -> bool:
    said = {(part.oid.dotted_string, part.value) for part in certificate.subject}
    return all(pair in said for pair in subject.items())


def _may_sign(certificate: x509.Certificate) -> bool:
    """Whether the certificate's extensions allow signing messages, and none of them is unknown."""
    if any(
        extension.critical and isinstance(extension.value, x509.UnrecognizedExtension)
        for extension in certificate.extensions
    ):
        return False
    usage = _extension(certificate, x509.KeyUsage)
    basic = _extension(certificate, x509.BasicConstraints)
    return (usage is None or usage.digital_signature) and (basic is None or not basic.ca)


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        usage = _extension(certificate, x509.KeyUsage)
        basic = _extension(certificate, x509.BasicConstraints)
    except UNREADABLE:
        return False
    return basic is not None and basic.ca and (usage is None or usage.key_cert_sign)


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
