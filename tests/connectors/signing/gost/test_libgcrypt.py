"""Streebog and GOST R 34.10 by libgcrypt, held to the numbers of RFC 6986 and RFC 7091 and to another implementation."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from gostcrypto import gosthash, gostsignature

from appealbus.connectors.signing.gost import libgcrypt
from appealbus.connectors.signing.gost.libgcrypt import CURVES, public_point, sign, streebog, verify
from appealbus.core import ConfigError
from tests.connectors.signing.gost.kit import needs_libgcrypt

pytestmark = needs_libgcrypt

DIGITS = b"012345678901234567890123456789012345678901234567890123456789012"
WINDS = "Се ветри, Стрибожи внуци, веютъ с моря стрелами на храбрыя плъкы Игоревы".encode("cp1251")

TC26_A = CURVES["1.2.643.7.1.2.1.2.1"]

# RFC 7091, section 7: curve, d, e, x, y, r, s.
# ruff: noqa: E501
EXAMPLES = {
    256: (
        "1.2.643.2.2.35.0",
        "7A929ADE789BB9BE10ED359DD39A72C11B60961F49397EEE1D19CE9891EC3B28",
        "2DFBC1B372D89A1188C09C52E0EEC61FCE52032AB1022E8E67ECE6672B043EE5",
        "7F2B49E270DB6D90D8595BEC458B50C58585BA1D4E9B788F6689DBD8E56FD80B",
        "26F1B489D6701DD185C8413A977B3CBBAF64D1C593D26627DFFB101A87FF77DA",
        "41AA28D2F1AB148280CD9ED56FEDA41974053554A42767B83AD043FD39DC0493",
        "01456C64BA4642A1653C235A98A60249BCD6D3F746B631DF928014F6C5BF9C40",
    ),
    512: (
        "1.2.643.7.1.2.1.2.0",
        "0BA6048AADAE241BA40936D47756D7C93091A0E8514669700EE7508E508B102072E8123B2200A0563322DAD2827E2714A2636B7BFD18AADFC62967821FA18DD4",
        "3754F3CFACC9E0615C4F4A7C4D8DAB531B09B6F9C170C533A71D147035B0C5917184EE536593F4414339976C647C5D5A407ADEDB1D560C4FC6777D2972075B8C",
        "115DC5BC96760C7B48598D8AB9E740D4C4A85A65BE33C1815B5C320C854621DD5A515856D13314AF69BC5B924C8B4DDFF75C45415C1D9DD9DD33612CD530EFE1",
        "37C7C90CD40B0F5621DC3AC1B751CFA0E2634FA0503B3D52639F5D7FB72AFD61EA199441D943FFE7F0C70A2759A3CDB84C114E1F9339FDF27F35ECA93677BEEC",
        "2F86FA60A081091A23DD795E1E3C689EE512A3C82EE0DCC2643C78EEA8FCACD35492558486B20F1C9EC197C90699850260C93BCBCD9C5C3317E19344E173AE36",
        "1081B394696FFE8E6585E7A9362D26B6325F56778AADBC081C0BFBE933D52FF5823CE288E8C4F362526080DF7F70CE406A6EEB1F56919CB92A9853BDE73E5B4A",
    ),
}


@pytest.mark.parametrize(
    ("text", "bits", "digest"),
    [
        (DIGITS, 256, "9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500"),
        (
            DIGITS,
            512,
            "1b54d01a4af5b9d5cc3d86d68d285462b19abc2475222f35c085122be4ba1ffa"
            "00ad30f8767b3a82384c6574f024c311e2a481332b08ef7f41797891c1646f48",
        ),
        (WINDS, 256, "9dd2fe4e90409e5da87f53976d7405b0c0cac628fc669a741d50063c557e8f50"),
        (
            WINDS,
            512,
            "1e88e62226bfca6f9994f1f2d51569e0daf8475a3b0fe61a5300eee46d961376"
            "035fe83549ada2b8620fcd7c496ce5b33f0cb9dddc2b6460143b03dabac9fb28",
        ),
    ],
)
def test_hashes_as_the_standard_says(text, bits, digest):
    """The examples of RFC 6986 give the hashes that it prints, first byte first."""
    assert streebog(text, bits).hex() == digest


@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_hashes_as_another_implementation(bits, length):
    """Around the size of a block, both give the same."""
    data = bytes([255]) * length
    assert streebog(data, bits) == bytes(gosthash.new(f"streebog{bits}", data=bytearray(data)).digest())


@pytest.mark.parametrize("bits", EXAMPLES)
def test_keys_and_signatures_as_the_standard_says(bits):
    """The examples of RFC 7091 hold, and what differs from them in one bit does not."""
    curve = CURVES[EXAMPLES[bits][0]]
    d, e, x, y, r, s = (int(number, 16) for number in EXAMPLES[bits][1:])
    assert public_point(curve, d) == (x, y)
    assert verify(curve, (x, y), e, (r, s))
    assert not any(verify(curve, (x, y), *other) for other in [(e ^ 1, (r, s)), (e, (r ^ 1, s)), (e, (s, r))])
    assert verify(curve, (x, y), e, sign(curve, d, e))
    assert sign(curve, d, e) != sign(curve, d, e)


@pytest.mark.parametrize(
    ("oid", "name"),
    [
        ("1.2.643.7.1.2.1.1.1", "id-tc26-gost-3410-2012-256-paramSetA"),
        ("1.2.643.7.1.2.1.1.2", "id-tc26-gost-3410-2012-256-paramSetB"),
        ("1.2.643.7.1.2.1.1.3", "id-tc26-gost-3410-2012-256-paramSetC"),
        ("1.2.643.7.1.2.1.1.4", "id-tc26-gost-3410-2012-256-paramSetD"),
        ("1.2.643.7.1.2.1.2.1", "id-tc26-gost-3410-12-512-paramSetA"),
        ("1.2.643.7.1.2.1.2.2", "id-tc26-gost-3410-12-512-paramSetB"),
        ("1.2.643.7.1.2.1.2.3", "id-tc26-gost-3410-2012-512-paramSetC"),
    ],
)
def test_keys_as_another_implementation(oid, name):
    """Each curve is the one of its identifier: another implementation has the same key for the same number."""
    curve, secret = CURVES[oid], 0xABCDEF
    mode = gostsignature.MODE_256 if curve.size == 32 else gostsignature.MODE_512
    peer = gostsignature.new(mode, gostsignature.CURVES_R_1323565_1_024_2019[name])
    octets = bytes(peer.public_key_generate(bytearray(secret.to_bytes(curve.size, "big"))))
    assert octets == b"".join(number.to_bytes(curve.size, "big") for number in public_point(curve, secret))


@pytest.mark.parametrize("number", [0, -1, 1 << 512, 1 << 10_000, (1 << 512) - 1])
def test_no_number_is_too_odd(number):
    """Numbers that no signature has do not fit, and the process goes on."""
    public = public_point(TC26_A, 7)
    assert not verify(TC26_A, public, 5, (number, 1))
    assert not verify(TC26_A, public, 5, (1, number))


@pytest.mark.parametrize("point", [(0, 0), (1, 1), ((1 << 512) - 1, 5), (-1, 5), (1 << 600, 5)])
def test_a_key_lies_on_its_curve(point):
    """A point beside the curve is no key: it would give the secret away, or let anything pass."""
    with pytest.raises(ValueError, match="curve"):
        verify(TC26_A, point, 5, (1, 1))


@pytest.mark.parametrize("secret", [0, -1, 1 << 600])
def test_a_secret_that_is_none(secret):
    """Neither a signature nor a public key comes of it."""
    for attempt in (lambda: sign(TC26_A, secret, 5), lambda: public_point(TC26_A, secret)):
        with pytest.raises(ValueError, match="curve"):
            attempt()


def test_from_many_threads():
    """Eight threads sign, verify and hash at once, and each gets its own result."""
    public, text = public_point(TC26_A, 7), b"x" * 50_000
    digest = streebog(text, 512)

    def once(e: int) -> bool:
        return streebog(text, 512) == digest and verify(TC26_A, public, e, sign(TC26_A, 7, e))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(once, range(40)))


def test_where_the_library_is_absent(monkeypatch):
    """Who needs it is told the package."""
    monkeypatch.setattr(libgcrypt, "_loaded", [])
    monkeypatch.setattr(libgcrypt, "_SONAME", "libgcrypt-absent.so.20")
    with pytest.raises(ConfigError, match="apt install libgcrypt20"):
        libgcrypt.load()


def test_where_the_library_is_old_or_may_not(monkeypatch):
    """A library that is too old is told; one that switched GOST off (FIPS) is not asked, as that would end the process."""
    monkeypatch.setattr(libgcrypt, "_loaded", [])
    monkeypatch.setattr(libgcrypt, "_OLDEST", b"99.0.0")
    with pytest.raises(ConfigError, match="or newer"):
        libgcrypt.load()
    monkeypatch.setattr(libgcrypt, "_OLDEST", b"1.9.0")
    monkeypatch.setattr(libgcrypt, "_STREEBOG", {256: 309, 512: 9999})
    with pytest.raises(ConfigError, match="FIPS"):
        libgcrypt.load()
