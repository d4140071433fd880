"""Documents signed by keys of every kind, from files: our two sides, and another implementation of GOST."""

import base64

import pytest
from lxml import etree

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.signature import GOST_DIGEST, GOST_SIGNATURE
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.xmldsig import load_data_signer, load_data_verifier
from appealbus.connectors.xmldsig.verify import verify
from appealbus.core import CallFailed, ConfigError
from appealbus.schemas.safexml import parse
from tests.connectors.signing.gost.kit import KINDS, all_kinds, needs_libgcrypt
from tests.connectors.signing.gost.test_peer import PEERS, SECRET, Other
from tests.connectors.xmldsig.documents import DOCUMENTS, octets

DOCUMENT = DOCUMENTS["prefixes"]


def table(identity, kind: str, **more) -> SignatureSettings:
    """Return the settings of who signs and trusts itself."""
    method = "rsa-sha256" if kind == "rsa" else f"gost-{8 * KINDS[kind].curve.size}"
    values = {
        "sign": method,
        "key": identity.key,
        "certificate": identity.certificate,
        "trusted": [identity.certificate],
    }
    return SignatureSettings.model_validate(values | more)


@all_kinds
async def test_from_settings(kind, peer, stranger):
    """The table makes a signer and a verifier that understand each other, and trust nobody else."""
    settings = table(peer, kind)
    signer, verifier = load_data_signer(settings, "s"), load_data_verifier(settings, "s")
    signed = await signer.sign(DOCUMENT)
    verifier(parse(signed.encode()))
    with pytest.raises(CallFailed, match=r"data_signature\.signature"):
        verifier(parse(signed.replace('t="b:T"', 't="b:U"').encode()))
    others = load_data_verifier(table(peer, kind, trusted=[stranger.certificate]), "s")
    with pytest.raises(CallFailed, match=r"data_signature\.untrusted"):
        others(parse(signed.encode()))


@all_kinds
def test_a_key_of_another_certificate(kind, peer, stranger):
    """It is found out when it is loaded, not by the first register that refuses us."""
    with pytest.raises(ConfigError, match=r"sources\.x\.data_signature: .*is not the key of the certificate"):
        load_data_signer(table(peer, kind, certificate=stranger.certificate), "sources.x.data_signature")


@pytest.mark.parametrize(("kind", "method"), [("kz-256", "gost-512"), ("kz-512", "rsa-sha256"), ("rsa", "gost-512")])
@needs_libgcrypt
def test_a_key_of_another_kind(identity, kind, method):
    """The error names the file and what is wrong."""
    one = identity(kind, "peer", 0xA11CE)
    with pytest.raises(ConfigError, match=r"key\.pem"):
        load_data_signer(table(one, kind, sign=method), "s")


def test_no_signer_and_no_verifier():
    """An empty table does nothing."""
    assert load_data_signer(SignatureSettings(), "s") is None
    assert load_data_verifier(SignatureSettings(), "s") is None


def canonical(element: etree._Element) -> bytes:
    """Return the canonical form of an element that inherits nothing, by Python's own implementation."""
    return etree.canonicalize(etree.tostring(element, encoding="unicode")).encode()


@pytest.mark.proof
@needs_libgcrypt
@pytest.mark.parametrize("kind", PEERS)
async def test_another_implementation_of_gost(make_gost_identity, kind):
    """It finds the digest and the signature that we made, and we take what it signed."""
    other, one = Other(kind), make_gost_identity("ours", kind, SECRET)
    signed = etree.fromstring(await load_data_signer(table(one, kind), "s").sign("<data><q>1</q></data>"))
    signature = signed[-1]
    info = signature[0]
    without = b"<data><q>1</q></data>"
    assert octets(signature, "DigestValue") == other.digest(without)
    assert other.verifies(canonical(info), octets(signature, "SignatureValue"))
    assert info[1].get("Algorithm") == GOST_SIGNATURE[other.bits]
    assert info[2][1].get("Algorithm") == GOST_DIGEST[other.bits]

    info[2][2].text = base64.b64encode(other.digest(b"<data><q>2</q></data>")).decode()
    signature[1].text = base64.b64encode(other.sign(canonical(info))).decode()
    signed[0].text = "2"
    verify(parse(etree.tostring(signed)), load_trusted([one.certificate]))
