"""A trusted certificate, and how messages refer to it."""

from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1

from appealbus.connectors.signing.certificates import UNREADABLE, der_of
from appealbus.connectors.signing.key_info import KeyInfo
from appealbus.connectors.signing.public_key import PublicKey


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
