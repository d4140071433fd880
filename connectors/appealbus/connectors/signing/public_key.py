"""The public key of somebody who signs: what it verifies in a message, and in a certificate or list that he issued."""

from abc import ABC, abstractmethod

from cryptography import x509


class PublicKey(ABC):
    """A key, and the one pair of methods that signatures by it may name.

    Attributes:
        signature_method: the URI of the signature's algorithm.
        digest_method: the URI of the digest's.

    """

    signature_method: str
    digest_method: str

    @abstractmethod
    def digest(self, data: bytes) -> bytes:
        """Return the hash of what was signed, by the digest method."""

    @abstractmethod
    def signed_message(self, data: bytes, signature: bytes) -> bool:
        """Return whether the key signed the data, which is a canonical SignedInfo."""

    @abstractmethod
    def issued(self, document: x509.Certificate | x509.CertificateRevocationList, signed: bytes) -> bool:
        """Return whether the key signed a certificate or a list of revoked ones.

        Args:
            document: itself.
            signed: the part of its bytes that the issuer signed (tbsCertificate, tbsCertList).

        """
