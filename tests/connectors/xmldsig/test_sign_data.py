"""Signing documents: other programs find our signatures right, and nothing else in the document is touched."""

import asyncio

import pytest
from lxml import etree

from appealbus.connectors.signing.signing_key import RsaSigningKey, read_key
from appealbus.connectors.xmldsig.local import KeySigner
from appealbus.connectors.xmldsig.verify import verify
from appealbus.schemas.safexml import parse
from tests.connectors.xmldsig.documents import DOCUMENTS, DS, certificate_of, xmlsec_verifies


@pytest.fixture(scope="session")
def signer(peer) -> KeySigner:
    """Return the peer's signer."""
    from base64 import b64decode

    return KeySigner(RsaSigningKey(read_key(peer.key, None)), b64decode(certificate_of(peer)))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_xmlsec_agrees(name, signer, peer):
    """Xmlsec verifies what we signed, and no longer once a letter is another."""
    signed = asyncio.run(signer.sign(DOCUMENTS[name]))

    assert xmlsec_verifies(signed, peer)
    assert not xmlsec_verifies(signed.replace("</ds:Signature>", "</ds:Signature> "), peer)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_our_verifier_agrees(name, signer, trust):
    """Our own verifier, which shares nothing with the signer, does so too."""
    verify(parse(asyncio.run(signer.sign(DOCUMENTS[name])).encode()), trust)


def test_published_form(signer, peer):
    """The signature is the root's last child, of the algorithms that the registers' own clients use."""
    root = etree.fromstring(asyncio.run(signer.sign("<Request><q/></Request>")))
    signature = root[-1]
    algorithms = [
        (etree.QName(part).localname, part.get("Algorithm")) for part in signature.iter() if part.get("Algorithm")
    ]
    canonical = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

    assert signature.tag == f"{DS}Signature"
    assert signature.find(f"{DS}SignedInfo/{DS}Reference").get("URI") == ""
    assert signature.findtext(f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate") == certificate_of(peer)
    assert algorithms == [
        ("CanonicalizationMethod", canonical),
        ("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        ("Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
        ("Transform", f"{canonical}#WithComments"),
        ("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256"),
    ]


def test_content_is_left_alone(signer):
    """Signing adds the signature, and changes no other byte."""
    xml = DOCUMENTS["texts"].replace("'", '"').replace('"/>', '&quot;"/>')
    xml = '<data><q>a&#13;\n\t&gt;]]&gt;</q><c><![CDATA[<x a="1">]]></c></data>'
    head, _, tail = asyncio.run(signer.sign(xml)).partition("<ds:Signature")

    assert xml == head + tail[tail.index("</ds:Signature>") + len("</ds:Signature>") :]
