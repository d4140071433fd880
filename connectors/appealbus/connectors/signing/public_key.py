"""A signer's public key: verifies messages, and the certificates and revocation lists it issued."""

from abc import ABC, abstractmethod

from cryptography import x509


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
