"""A trusted certificate, how messages refer to it, and the search for the one that verifies a signature."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from lxml import etree

from appealbus.connectors.signing.certificates import UNREADABLE, PublicKey, der_of
from appealbus.connectors.signing.signature import KeyInfo, failed
from appealbus.core import CallFailed
from appealbus.schemas.namespaces import DS


@dataclass(frozen=True)
class Trusted:
    """A certificate of the peer, or of an authority. A pinned one has no `issuers`."""

    certificate: x509.Certificate
    key: PublicKey
    issuers: "tuple[Trusted, ...]" = ()

    @cached_property
    def der(self) -> bytes:
        return der_of(self.certificate)

    @cached_property
    def key_identifier(self) -> bytes | None:
        try:
            return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except (x509.ExtensionNotFound, *UNREADABLE):
            return None

    def is_meant(self, info: KeyInfo) -> bool:
        """Whether a message refers to this certificate. Only the hints present are compared."""
        if info.certificates or info.serial is not None:
            return self.der in info.certificates or info.serial == self.certificate.serial_number
        if info.key_identifier is not None:
            return info.key_identifier == self.key_identifier
        return info.thumbprint is None or info.thumbprint == self.certificate.fingerprint(SHA1())  # noqa: S303


def signed_by(signature: etree._Element, candidates: Sequence[Trusted], info: bytes, covered: bytes) -> Trusted:
    """Return the candidate that verifies the signature, or raise CallFailed `wssec.signature`.

    `info` is its SignedInfo and `covered` the referenced content, both canonical. The candidates share their
    algorithms.
    """
    digest, value = _octets(signature[0][2].find(f"{{{DS}}}DigestValue")), _octets(signature[1])
    if digest == candidates[0].key.digest(covered):
        for candidate in candidates:
            if candidate.key.signed_message(info, value):
                return candidate
    raise _misfit()


def _octets(element: etree._Element | None) -> bytes:
    try:
        return base64.b64decode("".join(("" if element is None else element.text or "").split()), validate=True)
    except (ValueError, binascii.Error):
        raise _misfit() from None


def _misfit() -> CallFailed:
    return failed("wssec.signature", "the signature does not fit the message")
