"""Signatures of GOST between us and an implementation that nobody here wrote: each verifies what the other signs."""

import base64

import pytest
from gostcrypto import gosthash, gostsignature
from lxml import etree

from appealbus.connectors.signing.signature import GOST_DIGEST, GOST_SIGNATURE, WSU, WSU_ID
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec.structure import EXC_C14N
from appealbus.connectors.wssec.verify import verify
from appealbus.schemas.namespaces import DS
from appealbus.schemas.safexml import parse
from tests.connectors.signing.gost.kit import needs_libgcrypt

pytestmark = needs_libgcrypt

SECRET = 0xA11CE
PEERS = {
    "kz-512": (512, gostsignature.MODE_512, "id-tc26-gost-3410-12-512-paramSetA"),
    "kz-256": (256, gostsignature.MODE_256, "id-tc26-gost-3410-2012-256-paramSetA"),
}


class Other:
    """The other implementation, which takes and gives big-endian numbers."""

    def __init__(self, kind: str) -> None:
        self.bits, mode, curve = PEERS[kind]
        self.engine = gostsignature.new(mode, gostsignature.CURVES_R_1323565_1_024_2019[curve])
        self.secret = bytearray(SECRET.to_bytes(self.bits // 8, "big"))

    def digest(self, data: bytes) -> bytes:
        return bytes(gosthash.new(f"streebog{self.bits}", data=bytearray(data)).digest())

    def sign(self, data: bytes) -> bytes:
        value = bytes(self.engine.sign(self.secret, bytearray(self.digest(data)[::-1])))
        return value[: len(value) // 2][::-1] + value[len(value) // 2 :][::-1]

    def verifies(self, data: bytes, value: bytes) -> bool:
        public = self.engine.public_key_generate(self.secret)
        half = len(value) // 2
        numbers = bytearray(value[:half][::-1] + value[half:][::-1])
        return self.engine.verify(public, bytearray(self.digest(data)[::-1]), numbers)


def canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


@pytest.mark.parametrize("kind", PEERS)
async def test_verifies_ours(make_gost_identity, message, kind):
    """What we sign has the digest and the signature that the other one computes, from the bytes that go out."""
    other = Other(kind)
    signed = parse(await make_gost_identity("ours", kind, SECRET).signer().sign(message))
    info = signed.find(f".//{{{DS}}}SignedInfo")
    digest, value = (
        base64.b64decode(signed.findtext(f".//{{{DS}}}{name}")) for name in ("DigestValue", "SignatureValue")
    )

    assert other.digest(canonical(signed[1])) == digest
    assert other.verifies(canonical(info), value)
    assert info[1].get("Algorithm") == GOST_SIGNATURE[other.bits]
    assert info[2][1].get("Algorithm") == GOST_DIGEST[other.bits]


@pytest.mark.parametrize("kind", PEERS)
def test_verified_by_ours(make_gost_identity, message, kind):
    """What the other one signs is taken, and refused with one letter changed."""
    other = Other(kind)
    trust = load_trusted([make_gost_identity("other", kind, SECRET).certificate])
    root = etree.fromstring(message)
    root[1].set(WSU_ID, "id-1")
    info = (
        f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{EXC_C14N}"/>'
        f'<ds:SignatureMethod Algorithm="{GOST_SIGNATURE[other.bits]}"/><ds:Reference URI="#id-1"><ds:Transforms>'
        f'<ds:Transform Algorithm="{EXC_C14N}"/></ds:Transforms><ds:DigestMethod '
        f'Algorithm="{GOST_DIGEST[other.bits]}"/><ds:DigestValue>'
        f"{base64.b64encode(other.digest(canonical(root[1]))).decode()}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    value = base64.b64encode(other.sign(canonical(etree.fromstring(info)))).decode()
    security = (
        f'<w:Security xmlns:w="{WSU.replace("utility", "secext")}"><ds:Signature xmlns:ds="{DS}">{info}'
        f"<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature></w:Security>"
    )
    root[0].append(etree.fromstring(security))
    sent = etree.tostring(root)

    assert verify(parse(sent), trust)[0][0].text == "100"
    with pytest.raises(Exception, match=r"wssec\.signature"):
        verify(parse(sent.replace(b">100<", b">101<")), trust)
