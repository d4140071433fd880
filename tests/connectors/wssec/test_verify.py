"""Verification: what a message that is not the peer's own can try, and the failure that each attempt ends in."""

import copy
from datetime import UTC, datetime, timedelta

import pytest
import xmlsec
from lxml import etree

from appealbus.connectors.signing.signature import SECURITY, WSSE, WSU, WSU_ID
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec.local import BASE64
from appealbus.connectors.wssec.structure import EXC_C14N
from appealbus.connectors.wssec.verify import verify
from appealbus.core import CallFailed
from appealbus.schemas.namespaces import DS, SIGNATURE
from appealbus.schemas.safexml import parse
from tests.connectors.signing.gost.kit import all_kinds, each

CONSTANTS = xmlsec.constants


def element(xml: str) -> etree._Element:
    return etree.fromstring(xml)


@all_kinds
async def test_takes_what_the_peer_signed(signed, trusted):
    """The body that comes back is the one that was signed, and is the element of this very tree."""
    body = verify(signed, trusted)

    assert body is signed[1]
    assert body.findtext("{urn:q}q/{urn:q}amount") == "100"


@each
async def test_soap_12(message, peer, trusted):
    """Messages of SOAP 1.2 are verified as well."""
    message = message.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope")
    signed = await peer.signer().sign(message)

    assert len(verify(parse(signed), trusted)) == 1


@each
async def test_one_of_several_peers(message, peer, stranger):
    """A peer that is changing its certificate has both trusted, also where the message shows neither."""
    signed = parse(await peer.signer().sign(message))
    both = load_trusted([stranger.certificate, peer.certificate])
    verify(signed, both)
    info = signed.find(f".//{{{DS}}}KeyInfo")
    info.getparent().remove(info)

    verify(parse(etree.tostring(signed)), both)


# Tampering, and messages that are not signed.


def changed_text(root: etree._Element) -> None:
    root[1][0][0].text = "1000000"


def added_attribute(root: etree._Element) -> None:
    root[1][0].set("currency", "USD")


def added_element(root: etree._Element) -> None:
    etree.SubElement(root[1][0], "{urn:q}amount").text = "1"


def changed_digest(root: etree._Element) -> None:
    root.find(f".//{{{DS}}}DigestValue").text = "A" * 43 + "="


def changed_signature(root: etree._Element) -> None:
    root.find(f".//{{{DS}}}SignatureValue").text = "AAAA"


def empty_signature(root: etree._Element) -> None:
    root.find(f".//{{{DS}}}SignatureValue").text = None


@all_kinds
@pytest.mark.parametrize(
    "attack", [changed_text, added_attribute, added_element, changed_digest, changed_signature, empty_signature]
)
async def test_tampering(signed, attack, reject):
    """A body, digest or signature that was changed on the way is refused."""
    attack(signed)

    reject(signed, "wssec.signature")


def no_header(root: etree._Element) -> None:
    root.remove(root[0])


def empty_header(root: etree._Element) -> None:
    del root[0][:]


def empty_security(root: etree._Element) -> None:
    del root[0][0][:]


@each
@pytest.mark.parametrize("attack", [no_header, empty_header, empty_security])
async def test_unsigned(signed, attack, reject):
    """A message without a signature is refused."""
    attack(signed)

    reject(signed, "wssec.unsigned")


def test_not_soap(reject):
    """What is no SOAP message is refused."""
    reject(element("<html/>"), "wssec.structure")


# Other algorithms, each with a signature that is right by itself.


def sign_otherwise(
    message, identity, *, method=None, digest=None, canonical=None, transforms=(), prefixes=(), key=None
) -> etree._Element:
    """Return a message signed by the peer's own key, but in another way."""
    root = etree.fromstring(message)
    header, body = root
    body.set(WSU_ID, "id-1")
    security = etree.SubElement(header, SECURITY)
    template = xmlsec.template.create(
        root, canonical or CONSTANTS.TransformExclC14N, method or CONSTANTS.TransformRsaSha256, ns="ds"
    )
    reference = xmlsec.template.add_reference(template, digest or CONSTANTS.TransformSha256, uri="#id-1")
    for transform in transforms or (CONSTANTS.TransformExclC14N,):
        step = xmlsec.template.add_transform(reference, transform)
    if prefixes:
        xmlsec.template.transform_add_c14n_inclusive_namespaces(step, prefixes)
    security.append(template)
    context = xmlsec.SignatureContext()
    context.key = key or xmlsec.Key.from_file(str(identity.key), CONSTANTS.KeyDataFormatPem)
    context.register_id(body, "Id", WSU)
    context.sign(template)
    return root


def test_our_algorithms_by_the_other_maker(message, peer, trusted):
    """The messages below differ from good ones by their algorithm alone."""
    verify(parse(etree.tostring(sign_otherwise(message, peer))), trusted)


@pytest.mark.parametrize(
    "choice",
    [
        {"method": CONSTANTS.TransformRsaSha1},
        {"digest": CONSTANTS.TransformSha1},
        {"canonical": CONSTANTS.TransformInclC14N},
        {"transforms": (CONSTANTS.TransformInclC14N,)},
        {"transforms": (CONSTANTS.TransformExclC14NWithComments,)},
        {"transforms": (CONSTANTS.TransformEnveloped, CONSTANTS.TransformExclC14N)},
    ],
)
def test_algorithms(message, peer, choice, reject):
    """SHA-1 and other canonical forms are refused, although the signature is right."""
    reject(sign_otherwise(message, peer, **choice), "wssec.algorithm")


def test_hmac_with_the_public_key(message, peer, reject):
    """A message authenticated with the peer's public certificate as the shared secret is refused."""
    key = xmlsec.Key.from_binary_data(CONSTANTS.KeyDataHmac, peer.certificate.read_bytes())

    reject(sign_otherwise(message, peer, method=CONSTANTS.TransformHmacSha256, key=key), "wssec.algorithm")


@pytest.mark.parametrize(
    "algorithm",
    ["http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/TR/1999/REC-xpath-19991116", "urn:x", ""],
)
async def test_transforms(signed, algorithm, reject):
    """Transforms that compute, beside the canonical form or instead of it, are refused and never run."""
    transform = signed.find(f".//{{{DS}}}Transform")
    more = copy.deepcopy(transform)
    more.set("Algorithm", algorithm)
    transform.addprevious(more)
    reject(signed, "wssec.algorithm")
    transform.getparent().remove(transform)

    reject(signed, "wssec.algorithm")


async def test_parameters_of_algorithms(signed, reject):
    """Methods take no parameters: a truncation length is refused."""
    etree.SubElement(signed.find(f".//{{{DS}}}SignatureMethod"), f"{{{DS}}}HMACOutputLength").text = "1"

    reject(signed, "wssec.algorithm")


def test_inclusive_prefixes(message, peer, trusted, reject):
    """A canonical form with a list of prefixes, as Java servers write it, is verified by its rules."""
    root = sign_otherwise(message, peer, prefixes=["p"])
    verify(parse(etree.tostring(root)), trusted)
    transform = root.find(f".//{{{DS}}}Transform")

    etree.SubElement(transform, f"{{{EXC_C14N}}}Other")
    reject(root, "wssec.algorithm")


def test_inclusive_default_namespace(message, peer, trusted, reject):
    """The list may name the namespace without a prefix, too, which is then covered where the message declares it."""
    root = sign_otherwise(message.replace(b"urn:unused", b'urn:unused" xmlns="urn:around'), peer, prefixes=["#default"])
    signed = etree.tostring(root)
    verify(parse(signed), trusted)
    reject(etree.fromstring(signed.replace(b"urn:around", b"urn:other")), "wssec.signature")


# Whose signature it is.


@each
async def test_stranger(message, stranger, reject):
    """A signature that is right but a stranger's is refused by the certificate that it shows."""
    signed = parse(await stranger.signer().sign(message))

    reject(signed, "wssec.untrusted")


@each
async def test_stranger_under_the_peers_certificate(message, stranger, signed, reject):
    """A stranger's signature that shows the peer's certificate, or none, is refused by the signature."""
    forged = parse(await stranger.signer().sign(message))
    info = forged.find(f".//{{{DS}}}KeyInfo")
    info.getparent().replace(info, signed.find(f".//{{{DS}}}KeyInfo"))
    reject(forged, "wssec.signature")
    info = forged.find(f".//{{{DS}}}KeyInfo")
    info.getparent().remove(info)

    reject(forged, "wssec.signature")


async def test_key_value_is_not_believed(message, stranger, reject):
    """A key that the message brings along is not used."""
    root = sign_otherwise(message, stranger)
    info = etree.SubElement(root.find(f".//{SIGNATURE}"), f"{{{DS}}}KeyInfo")
    etree.SubElement(etree.SubElement(info, f"{{{DS}}}KeyValue"), f"{{{DS}}}RSAKeyValue")

    reject(root, "wssec.signature")


@each
async def test_certificate_that_is_none(signed, reject):
    """A key identifier that is not base64 is refused."""
    signed.find(f".//{{{WSSE}}}KeyIdentifier[@EncodingType='{BASE64}']").text = "%%%"

    reject(signed, "wssec.structure")


@each
async def test_expired(message, outdated, signed, trusted, reject):
    """A trusted certificate counts only within its time."""
    late = parse(await outdated.signer().sign(message))
    reject(late, "wssec.expired", load_trusted([outdated.certificate]))

    with pytest.raises(CallFailed, match=r"wssec\.expired"):
        verify(signed, trusted, now=datetime.now(UTC) - timedelta(days=365))


@each
async def test_business_signature_inside(message, peer, trusted):
    """The content may carry a signature of its own, with an id of its own: that is the business's affair."""
    inner = f'<q xmlns="urn:q"><d:Signature xmlns:d="{DS}" Id="sig"><d:Object Id="sig"/></d:Signature>'
    message = message.replace(b'<q xmlns="urn:q">', inner.encode())
    signed = parse(await peer.signer().sign(message))

    assert len(verify(signed, trusted)) == 1
