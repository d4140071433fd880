"""Keys and certificates, made for the run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from lxml import etree

from appealbus.connectors.wssec.rsa import load_rsa_signer
from appealbus.connectors.wssec.verify import load_trusted, verify
from appealbus.core import CallFailed, OutcomeKind
from appealbus.schemas.safexml import parse


@dataclass(frozen=True)
class Identity:
    """A key and its certificate, in files."""

    key: Path
    certificate: Path


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
def peer(make_identity) -> Identity:
    """Return who signs."""
    return make_identity("peer")


@pytest.fixture(scope="session")
def stranger(make_identity) -> Identity:
    """Return somebody else, whom nobody trusts."""
    return make_identity("stranger")


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


@pytest.fixture
async def signed(peer, message) -> etree._Element:
    """Return the message, signed by the peer."""
    return parse(await load_rsa_signer(peer.key, peer.certificate, None).sign(message))


@pytest.fixture
def reject(trusted):
    """Return a check that a message is refused by the one who receives it."""

    def reject(root: etree._Element, code: str, certificates=trusted) -> None:
        with pytest.raises(CallFailed) as caught:
            verify(parse(etree.tostring(root)), certificates)
        assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, code)

    return reject
