"""Keys and certificates of GOST from files."""

import base64
import contextlib

import pytest
from asn1crypto import pem
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.gost import libgcrypt, private_key
from appealbus.connectors.signing.gost.libgcrypt import public_point
from appealbus.connectors.signing.gost.private_key import read_gost_key
from appealbus.connectors.signing.public_keys import public_key
from appealbus.connectors.wssec import load_signer
from appealbus.connectors.wssec.local import KeySigner
from appealbus.core import ConfigError
from tests.connectors.signing.gost import kit
from tests.connectors.signing.gost.kit import KINDS, needs_libgcrypt, write_identity

pytestmark = needs_libgcrypt

# RFC 9215, appendix A: certificates that their owners issued themselves, on two curves.
RFC_9215 = [
    "MIIBJTCB06ADAgECAgEKMAoGCCqFAwcBAQMCMBIxEDAOBgNVBAMTB0V4YW1wbGUwIBcNMDEwMTAxMDAwMDAwWhgPMjA1MDEyMzEwMDAwMDBaMBIx"
    "EDAOBgNVBAMTB0V4YW1wbGUwXjAXBggqhQMHAQEBATALBgkqhQMHAQIBAQEDQwAEQHQnldS+6ITd8oUP7APqP68YROAdnaYLZFCTpV4m38OZePWW"
    "z01NDGzx0YlD2UST0WuewKFtUS0uEnzEaRpjGOKjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoUDBwEBAwIDQQAUC02pEksJyw1c6Sjuh0JzoxAS"
    "lJLsDik2njt5EkhXjB0OHaW+NHxvG1JWx66sIArWSsd6b1s6DglzGOeubudp",
    "MIIBqjCCARagAwIBAgIBCzAKBggqhQMHAQEDAzASMRAwDgYDVQQDEwdFeGFtcGxlMCAXDTAxMDEwMTAwMDAwMFoYDzIwNTAxMjMxMDAwMDAwWjAS"
    "MRAwDgYDVQQDEwdFeGFtcGxlMIGgMBcGCCqFAwcBAQECMAsGCSqFAwcBAgECAAOBhAAEgYDh7zDVLGEz3dmdHVxBRVz3302LTJJbvGmvFDPRVlhR"
    "Wt0hRoUMMlxbgcEzvmVaqMTUQOe5io1ZSHsMdpa8xV0R7L53NqnsNX/y/TmTH04RTLjNo1knCsfw5/9D2UGUGeph/Sq3f12fY1I9O1CgT2PioM9R"
    "t8E63CFWDwvUDMnHN6MTMBEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhQMHAQEDAwOBgQBBVwPYkvGl8/aMQ1MYmn7iB7gLVjHvnUlSmk1rVCws+hWq"
    "LqzxH0cP3n2VSFaQPDX9j5Ve8wDZXHdTSnJKDu5wL4b6YKCBCRoj3XleHjxonuUSo8gu4NzCZDx47qj8rNNUklWEhrIPHJ7Bl8kGmYUCYMk7y82c"
    "XDMX4ZNE4XOuNg==",
]


@pytest.mark.parametrize("der", RFC_9215)
def test_certificates_of_the_standard(der):
    """The standard's own certificates are issued by their own keys; with a changed byte they are not."""
    octets = base64.b64decode(der)
    certificate = x509.load_der_x509_certificate(octets)
    key = public_key(certificate, "example")

    assert key.issued(certificate, certificate.tbs_certificate_bytes)
    other = x509.load_der_x509_certificate(octets.replace(b"Example", b"Examqle", 1))
    assert not key.issued(other, other.tbs_certificate_bytes)


@pytest.mark.parametrize("form", ["octets", "nested", "integer"])
@pytest.mark.parametrize("name", ["kz-512", "kz-256", "ru-512"])
def test_encodings_of_a_key(tmp_path, name, form):
    """The three ways to write the number give the same key, also where its first or last byte is zero."""
    kind = KINDS[name]
    for secret in (0xC0FFEE << 64, (1 << (8 * kind.curve.size - 9)) + 1):
        (tmp_path / "key.pem").write_bytes(kit.private_key(kind, secret, form))
        assert read_gost_key(tmp_path / "key.pem", None) == (kind.curve, secret)


def test_locked_key_opens(tmp_path, monkeypatch):
    """A key that another program locked as OpenSSL does is opened by its password, and by no other."""
    locked = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    parts = Encoding.DER, PrivateFormat.PKCS8
    der = locked.private_bytes(*parts, BestAvailableEncryption(b"open sesame"))

    assert private_key._opened(der, "open sesame") == locked.private_bytes(*parts, NoEncryption())
    with contextlib.suppress(ValueError):  # the padding of nonsense is right once in 256 times
        assert private_key._opened(der, "another") != locked.private_bytes(*parts, NoEncryption())
    monkeypatch.setattr(private_key, "_MAX_ITERATIONS", 10)
    with pytest.raises(ValueError, match="iterations"):
        private_key._opened(der, "open sesame")


def pem_of(der: bytes) -> bytes:
    return pem.armor("PRIVATE KEY", der)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----",
        pem_of(b""),
        pem_of(b"\x30\x80"),
        pem_of(b"\x30\x84\xff\xff\xff\xff"),
        pem_of(kit.seq(b"\x02\x01\x00")),
        pem.armor("ENCRYPTED PRIVATE KEY", b"\x30\x03\x02\x01\x00"),
        kit.private_key(KINDS["kz-512"]._replace(key="1.2.3"), 5),
        kit.private_key(KINDS["kz-512"]._replace(set="1.2.3"), 5),
        kit.private_key(KINDS["kz-512"]._replace(set=KINDS["kz-256"].set), 5),
        b"\xff" * 100_000,
    ],
    ids=range(11),
)
def test_files_that_are_no_key(tmp_path, data):
    """Whatever else is in the file is a configuration error that names it."""
    file = tmp_path / "key.pem"
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=r"key\.pem"):
        read_gost_key(file, None)


def test_key_and_certificate_belong_together(tmp_path, make_gost_identity, make_identity):
    """They are proved by a signature when they are loaded: another key, another size or RSA is told."""
    ours, other = make_gost_identity("ours", "kz-512", 21), make_gost_identity("other", "kz-512", 22)
    small, rsa_one = make_gost_identity("small", "kz-256", 23), make_identity("rsa")
    KeySigner.load("gost-512", ours.key, ours.certificate, None)
    for key, certificate, bits, words in (
        (other.key, ours.certificate, 512, "is not the key of"),
        (ours.key, small.certificate, 512, "is not the key of"),
        (small.key, small.certificate, 512, 'sign = "gost-256"'),
        (ours.key, rsa_one.certificate, 512, "is not the key of"),
    ):
        with pytest.raises(ConfigError, match=words):
            KeySigner.load(f"gost-{bits}", key, certificate, None)


@pytest.mark.parametrize("secret", [0, KINDS["kz-512"].curve.size])
def test_certificate_whose_key_is_no_point(tmp_path, secret, monkeypatch):
    """A certificate with a key beside its curve is refused when it is read."""
    monkeypatch.setattr(kit, "public_point", lambda curve, number: (public_point(curve, 5)[0], number))
    _, certificate = write_identity(tmp_path, "broken", KINDS["kz-512"], secret or 1)
    with pytest.raises(ConfigError, match="certificate"):
        public_key(x509.load_pem_x509_certificate(certificate.read_bytes()), str(certificate))


def test_old_gost_is_told(tmp_path):
    """A certificate of GOST 34.310-2004 is refused in words."""
    kind = KINDS["kz-256"]._replace(key="1.2.398.3.10.1.1.1.1")
    _, certificate = write_identity(tmp_path, "old", kind, 5)
    with pytest.raises(ConfigError, match=r"GOST 34\.310-2004 .* not supported"):
        public_key(x509.load_pem_x509_certificate(certificate.read_bytes()), str(certificate))


def test_library_is_absent(make_gost_identity, make_identity, monkeypatch):
    """Without libgcrypt GOST is told by the package's name, and RSA goes on."""
    gost, other = make_gost_identity("gost", "kz-512", 24), make_identity("rsa")
    monkeypatch.setattr(libgcrypt, "_loaded", [])
    monkeypatch.setattr(libgcrypt, "_SONAME", "libgcrypt-absent.so.20")

    def settings(sign: str, identity) -> SignatureSettings:
        return SignatureSettings(sign=sign, key=identity.key, certificate=identity.certificate, verify=False)

    with pytest.raises(ConfigError, match=r"sources\.x\.signature: .*apt install libgcrypt20"):
        load_signer(settings("gost-512", gost), "sources.x.signature")
    load_signer(settings("rsa-sha256", other), "sources.x.signature")
