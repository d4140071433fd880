"""What in a signed body the signature does not cover, and what gateways write there."""

import asyncio
from types import SimpleNamespace

import pytest
from lxml import etree

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.signature import GOST_2004, RSA_SHA256, WSSE, WSU_ID
from appealbus.connectors.wssec import load_verifier, local
from appealbus.connectors.wssec.verify import verify
from appealbus.schemas.safexml import parse
from tests.connectors.signing.gost.kit import each

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"


def message(opening: str, content: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:xsi="{XSI}" {opening}><s:Header/><s:Body>{content}</s:Body></s:Envelope>'
    ).encode()


@each
@pytest.mark.parametrize("second", ["id-1", "id-2", ""])
async def test_second_id_of_the_same_value(peer, trusted, reject, monkeypatch, second):
    """A body with its id also as wsse:Id is taken; with another one there it is refused."""
    monkeypatch.setattr(local, "uuid", SimpleNamespace(uuid4=lambda: "1"))  # so that it is known before it is signed
    body = f'<s:Body w:Id="{second}">'.encode()
    plain = message(f'xmlns:w="{WSSE}"', "<a/>").replace(b"<s:Body>", body)
    root = parse(await peer.signer().sign(plain))

    assert root[1].get(WSU_ID) == "id-1"
    if second == "id-1":
        assert verify(root, trusted) is root[1]
    else:
        reject(root, "wssec.duplicate_id")


@each
@pytest.mark.parametrize(
    "case",
    [
        (f'xmlns:xs="{XSD}"', '<data xsi:type="xs:string"><q/></data>', ('XMLSchema"', 'XMLSchema-other"')),
        (f'xmlns:xs="{XSD}"', '<data xsi:type="xs:anyType"><q/></data>', ("xmlns:xs=", "xmlns:xy=")),
        ('xmlns:cs="urn:business"', '<data xsi:type="cs:Response"><q/></data>', ("urn:business", XSD)),
        ("", '<data xmlns:cs="urn:business" xsi:type="cs:Response"><q/></data>', ("urn:business", XSD)),
        ("", '<x:d xmlns:x="urn:x"><data xsi:type=" Type "><q/></data></x:d>', ("<data ", f'<data xmlns="{XSD}" ')),
    ],
    ids=["own to other", "own to none", "business to own", "inside", "default"],
)
async def test_rebound_prefix(peer, trusted, reject, case):
    """No prefix that the signature does not cover makes a type of XML Schema's own a business's, or the other way."""
    opening, content, rebound = case
    signed = (await peer.signer().sign(message(opening, content))).decode()
    verify(parse(signed.encode()), trusted)
    changed = signed.replace(*rebound)

    assert changed != signed
    reject(etree.fromstring(changed), "wssec.signature" if "<data" in rebound[0] else "wssec.type")


@each
async def test_prefixes_that_stay(peer, trusted):
    """Types of both sorts, one inside another with prefixes bound anew, and on plain values, are taken as they are."""
    inner = f'<b xmlns:cs="{XSD}" xsi:type="cs:anyType"><c xsi:type="cs:date">2020-01-01</c></b>'
    values = f'<a xsi:type="cs:Name">x</a>{inner}<d xsi:type="cs:T"><e/></d>'
    content = f'<data xmlns:cs="urn:b" xsi:type="cs:Response">{values}</data>'
    verify(parse(await peer.signer().sign(message("", content))), trusted)


@each
async def test_message_without_a_canonical_form(peer, reject):
    """A namespace that is no absolute URI has none; that is a refusal, not an error of ours."""
    signed = await peer.signer().sign(message("", "<a/>"))
    reject(parse(signed.replace(b"<a/>", b'<x:a xmlns:x="near"/>')), "wssec.structure")


async def test_the_loop_goes_on(peer):
    """Messages are verified in a thread: the event loop has its turns meanwhile."""
    verifier = load_verifier(SignatureSettings(trusted=[peer.certificate]), "s")
    root = parse(await peer.signer().sign(message("", f"<a>{'<b/>' * 50_000}</a>")), limit=8 * 1024 * 1024)
    task, turns = asyncio.create_task(verifier(root)), 0
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert await task is root[1]
    assert turns > 3


async def test_old_gost_is_told(peer, reject):
    """A message that is signed by GOST 34.310-2004 is refused in words of its own."""
    signed = await peer.signer().sign(message("", "<a/>"))
    reject(parse(signed.replace(RSA_SHA256.encode(), GOST_2004.encode())), "wssec.old_gost")


@each
async def test_algorithm_of_another_certificate(peer, reject):
    """A message whose algorithm is right for another trusted certificate is not held to that one's key."""
    signed = await peer.signer().sign(message("", "<a/>"))
    reject(
        parse(signed.replace(b"rsa-sha256", b"rsa-sha512").replace(b"34112015-512", b"34112015-256")), "wssec.algorithm"
    )
