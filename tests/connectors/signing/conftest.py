"""Keys and certificates, made for the run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from appealbus.connectors.signing.signer import MessageSigner
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec.local import KeySigner
from tests.connectors.signing.gost.kit import KINDS, write_identity


@dataclass(frozen=True)
class Identity:
    """A key and its certificate, in files."""

    key: Path
    certificate: Path
    bits: int | None = None

    def signer(self) -> MessageSigner:
        """Return who signs with it."""
        method = "rsa-sha256" if self.bits is None else f"gost-{self.bits}"
        return KeySigner.load(method, self.key, self.certificate, None)


@pytest.fixture(scope="session")
def make_identity(tmp_path_factory):
    """Return a maker of self-signed identities."""

    def make(name: str, *, days: int = 30, password: bytes | None = None, key=None) -> Identity:
        folder = tmp_path_factory.mktemp(name)
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        ends = datetime.now(UTC) + timedelta(days=days)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ends - timedelta(days=60))
            .not_valid_after(ends)
            .sign(key, hashes.SHA256())
        )
        encryption = BestAvailableEncryption(password) if password else NoEncryption()
        identity = Identity(folder / "key.pem", folder / "certificate.pem")
        identity.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        identity.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        return identity

    return make


@pytest.fixture(scope="session")
def make_gost_identity(tmp_path_factory):
    """Return a maker of self-signed identities of GOST."""

    def make(name: str, kind: str, secret: int, **more) -> Identity:
        files = write_identity(tmp_path_factory.mktemp(name), name, KINDS[kind], secret, **more)
        return Identity(*files, 8 * KINDS[kind].curve.size)

    return make


@pytest.fixture(scope="session")
def kind(request) -> str:
    """Return what peers sign with: RSA, where a test is not marked to run with others (`kit.each`, `kit.all_kinds`)."""
    return getattr(request, "param", "rsa")


@pytest.fixture(scope="session")
def identity(make_identity, make_gost_identity):
    """Return who has a name, by what they sign with; each is made once."""

    @cache
    def made(kind: str, name: str, secret: int, days: int = 30) -> Identity:
        return make_identity(name, days=days) if kind == "rsa" else make_gost_identity(name, kind, secret, days=days)

    return made


@pytest.fixture(scope="session")
def peer(kind, identity) -> Identity:
    """Return who signs."""
    return identity(kind, "peer", 0xA11CE)


@pytest.fixture(scope="session")
def stranger(kind, identity) -> Identity:
    """Return somebody else, whom nobody trusts."""
    return identity(kind, "stranger", 0xE7E)


@pytest.fixture(scope="session")
def outdated(kind, identity) -> Identity:
    """Return somebody whose certificate has ended."""
    return identity(kind, "old", 7, -1)


SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


@pytest.fixture(scope="session")
def message() -> bytes:
    """Return a message that nobody signed yet."""
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:p="urn:unused"><s:Header/>'
        '<s:Body><q xmlns="urn:q"><amount>100</amount></q></s:Body></s:Envelope>'
    ).encode()


@pytest.fixture(scope="session")
def trusted(peer):
    """Return the peer's certificate, pinned."""
    return load_trusted([peer.certificate])
