"""Keys and certificates of a signed contour, as others read them."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from appealbus.connectors.signing.trust import load_trust
from appealbus.core import ConfigError
from appealbus.simulator.settings import Algorithm
from appealbus.simulator.signing.algorithms import METHODS
from appealbus.simulator.signing.certificates import read_certificate
from appealbus.simulator.signing.keys import load_key, load_keys, make_keys
from tests.connectors.signing.gost.kit import needs_libgcrypt

pytestmark = needs_libgcrypt
KEY_OIDS = {"gost-512": "1.2.398.3.10.1.1.2.2", "gost-256": "1.2.398.3.10.1.1.2.1", "rsa": "1.2.840.113549.1.1.1"}
SIGNATURE_OIDS = {
    "gost-512": "1.2.398.3.10.1.1.2.3.2",
    "gost-256": "1.2.398.3.10.1.1.2.3.1",
    "rsa": "1.2.840.113549.1.1.11",
}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_certificates_as_others_read_them(algorithm: Algorithm, tmp_path: Path):
    """`cryptography` reads names, dates and the object identifiers of Kazakhstan; the issuer is one for all."""
    make_keys(tmp_path, algorithm)
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    for name in ("client", "gateway", "register"):
        told = x509.load_pem_x509_certificate((tmp_path / f"{name}.pem").read_bytes())
        assert told.public_key_algorithm_oid.dotted_string == KEY_OIDS[algorithm]
        assert told.signature_algorithm_oid.dotted_string == SIGNATURE_OIDS[algorithm]
        assert told.issuer == ca.subject
        assert not told.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert "Тестовый" in str(told.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        assert stat.S_IMODE((tmp_path / f"{name}.key").stat().st_mode) == 0o600
        assert read_certificate((tmp_path / f"{name}.pem").read_bytes()).issuer == told.issuer.rfc4514_string()


@pytest.mark.parametrize("algorithm", [Algorithm.GOST_512, Algorithm.GOST_256])
def test_the_issuer_signed_them(algorithm: Algorithm, tmp_path: Path):
    """A certificate holds the signature of whoever issued it, as the national authority writes it: r before s,
    little-endian. The bus takes it for one of that authority."""
    make_keys(tmp_path, algorithm)
    issuer = read_certificate((tmp_path / "ca.pem").read_bytes())
    told = x509.load_pem_x509_certificate((tmp_path / "client.pem").read_bytes())
    assert issuer.key.verify(told.tbs_certificate_bytes, told.signature)
    assert not issuer.key.verify(told.tbs_certificate_bytes, told.signature[::-1])
    (authority,) = load_trust([], [tmp_path / "ca.pem"], {}, []).authorities
    assert authority.key.issued(told, told.tbs_certificate_bytes)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_the_chain(tmp_path: Path):
    """What is made with RSA holds for OpenSSL, key usage and names included."""
    make_keys(tmp_path, Algorithm.RSA)
    command = ["openssl", "verify", "-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "client.pem")]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_keys_are_made_once(tmp_path: Path):
    """A second start takes what is there, whatever algorithm it names."""
    make_keys(tmp_path, Algorithm.GOST_256)
    before = load_keys(tmp_path)
    make_keys(tmp_path, Algorithm.RSA)
    assert load_keys(tmp_path) == before


def test_other_files_are_refused(tmp_path: Path):
    """Keys of another kind and files that are none are named, with what they should be."""
    make_keys(tmp_path, Algorithm.GOST_256)
    with pytest.raises(ConfigError, match=r"client\.pem: no private key"):
        load_key(tmp_path / "client.pem")
    with pytest.raises(ConfigError, match=r"nowhere\.key: No such file"):
        load_key(tmp_path / "nowhere.key")
    (tmp_path / "client.pem").write_bytes((tmp_path / "client.key").read_bytes())
    with pytest.raises(ConfigError, match=r"client\.pem: no certificate"):
        load_keys(tmp_path)


# id-tc26-gost-3410-12-512-paramSetA of RFC 7836.
P = 2**512 - 569
A, X = P - 3, 3
B = int(
    "E8C2505DEDFC86DDC1BD0B2B6667F1DA34B82574761CB0E879BD081CFD0B6265"
    "EE3CB090F30D27614CB4574010DA90DD862EF9D4EBEE4761503190785A71C760",
    16,
)
Q = 2**512 - 2**256 + int("27E69532F48D89116FF22B8D4E0560609B4B38ABFAD2B85DCACDB1411F10B275", 16)
Y = int(
    "7503CFE87A836AE3A61B8816E25450E6CE5E1C93ACF1ABC1778064FDCBEFA921"
    "DF1626BE4FD036E93D75E6A50E3A41E98028FE5FC235F5B889A589CB5215F2A4",
    16,
)


def added(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the sum of two points; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def times(number: int, point: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return a multiple of a point."""
    result = None
    for bit in bin(number)[2:]:
        result = added(result, result)
        result = added(result, point) if bit == "1" else result
    return result


def test_plain_arithmetic_agrees(tmp_path: Path):
    """A signature is r and s, little-endian, over Streebog read little-endian: RFC 7091's equation holds for them."""
    assert (Y * Y - X**3 - A * X - B) % P == 0
    make_keys(tmp_path, Algorithm.GOST_512)
    pair = load_keys(tmp_path).gateway
    signature = pair.key.sign(b"message")
    r, s = (int.from_bytes(half, "little") for half in (signature[:64], signature[64:]))
    e = int.from_bytes(METHODS[Algorithm.GOST_512].hash(b"message"), "little") % Q
    # The last 128 octets of the public key's bit string: x and y.
    info = x509.load_der_x509_certificate(pair.certificate.der).tbs_certificate_bytes
    start = info.index(bytes.fromhex("03818400048180")) + 7
    x, y = (int.from_bytes(info[at : at + 64], "little") for at in (start, start + 64))
    inverse = pow(e, -1, Q)
    point = added(times(s * inverse % Q, (X, Y)), times(-r * inverse % Q, (x, y)))
    assert point is not None
    assert point[0] % Q == r
