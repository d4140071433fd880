"""WS-Security of the gateway: verifies participants' signatures, signs answers with X509IssuerSerial."""

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from datetime import datetime

from lxml import etree

from appealbus.simulator.content import escaped
from appealbus.simulator.refusal import NOT_SIGNED, SIGNATURE_EXPIRED, SIGNATURE_WRONG, RequestRefused
from appealbus.simulator.signing.algorithms import DS, EXCLUSIVE, WSSE, WSU, X509_V3, Certificate, Pair, ds, wsse

_IDS = (f"{{{WSU}}}Id", f"{{{WSSE}}}Id")
_PART = re.compile(r'\s*(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|(?:[^,\\]|\\.)*?)\s*(?:,|$)')
_COMPARED = ("CN", "O", "OU", "C")
_EMPTY_PREFIXES = f"{{{EXCLUSIVE}}}InclusiveNamespaces"


def verify_request(envelope: etree._Element, participants: Sequence[Certificate], now: datetime) -> None:
    """Verify that a participant has signed the body by its id, and nothing else.

    Raises:
        RequestRefused: SCE007 without a signature, SCE005 for an expired certificate, else SCE006.
    """
    body = envelope[-1]
    signature = _signature(envelope)
    parts = [str(part.tag) for part in signature]
    if parts != [ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo")]:
        raise _wrong("the signature has other parts than SignedInfo, SignatureValue and KeyInfo")
    info = signature[0]
    certificate = _certificate(signature[2], participants)
    _check(info, body, certificate)
    value = _decoded(signature.findtext(ds("SignatureValue")))
    if not certificate.key.verify(_canonical(info), value):
        raise _wrong("the signature does not fit the certificate")
    if not certificate.holds(now):
        raise RequestRefused(SIGNATURE_EXPIRED, "the certificate of the message's signature is out of date")


def _wrong(reason: str) -> RequestRefused:
    return RequestRefused(SIGNATURE_WRONG, reason)


def _signature(envelope: etree._Element) -> etree._Element:
    security = envelope[0].findall(wsse("Security")) if len(envelope) == 2 else []
    signatures = [signature for header in security for signature in header.findall(ds("Signature"))]
    if not signatures:
        raise RequestRefused(NOT_SIGNED, "the message is not signed: no Security with a Signature in its header")
    if len(signatures) > 1 or len(security) > 1:
        raise _wrong("there is more than one signature in the header")
    return signatures[0]


def _check(info: etree._Element, body: etree._Element, certificate: Certificate) -> None:
    method = certificate.key.method
    references = info.findall(ds("Reference"))
    if len(info) != 3 or len(references) != 1:
        raise _wrong("SignedInfo holds something else than two methods and one Reference")
    reference = references[0]
    _named(info.find(ds("CanonicalizationMethod")), EXCLUSIVE, "CanonicalizationMethod")
    _named(info.find(ds("SignatureMethod")), method.signature, "SignatureMethod")
    _named(reference.find(ds("DigestMethod")), method.digest, "DigestMethod")
    transforms = reference.findall(f"{ds('Transforms')}/{ds('Transform')}")
    if len(transforms) != 1:
        raise _wrong("the Reference has not one Transform")
    _named(transforms[0], EXCLUSIVE, "Transform")
    _points_at(reference.get("URI", ""), body)
    if _decoded(reference.findtext(ds("DigestValue"))) != method.hash(_canonical(body)):
        raise _wrong("the body is not what was signed")


def _named(element: etree._Element | None, algorithm: str, what: str) -> None:
    if element is None or element.get("Algorithm") != algorithm:
        raise _wrong(f"{what} is not {algorithm}")
    if any(part.tag != _EMPTY_PREFIXES or part.get("PrefixList") for part in element):
        raise _wrong(f"{what} has parameters")


def _points_at(uri: str, body: etree._Element) -> None:
    given = {value for name in _IDS if (value := body.get(name))}
    if not uri.startswith("#") or given != {uri[1:]}:
        raise _wrong("the Reference is not to the body")
    named = [
        element
        for element in body.getroottree().iter("{*}*")
        if any(
            etree.QName(name).localname.lower() == "id" and value == uri[1:] for name, value in element.attrib.items()
        )
    ]
    if named != [body]:
        raise _wrong("another element has the id of the body")


def _certificate(key_info: etree._Element, participants: Sequence[Certificate]) -> Certificate:
    token = key_info.find(wsse("SecurityTokenReference"))
    if token is None or len(key_info) != 1 or len(token) != 1:
        raise _wrong("KeyInfo is not one SecurityTokenReference")
    identifier, serial = token.find(wsse("KeyIdentifier")), token.find(f"{ds('X509Data')}/{ds('X509IssuerSerial')}")
    if identifier is not None and identifier.get("ValueType") == X509_V3:
        der = _decoded(identifier.text)
        matches = [participant for participant in participants if participant.der == der]
    elif serial is not None:
        number = (serial.findtext(ds("X509SerialNumber")) or "").strip()
        issuer = _said(serial.findtext(ds("X509IssuerName")) or "")
        matches = [
            participant
            for participant in participants
            if number == str(participant.serial) and issuer == _said(participant.issuer)
        ]
    else:
        raise _wrong("SecurityTokenReference is neither a KeyIdentifier X509v3 nor an X509IssuerSerial")
    if not matches:
        raise _wrong("the certificate is no participant's")
    return matches[0]


def _said(name: str) -> dict[str, str]:
    """Parse a distinguished name; spellings differ in order, quotes, and rarer parts."""
    parts = ((key.upper(), value) for key, value in _PART.findall(name))
    return {key: re.sub(r"\\(.)", r"\1", value.strip('"')) for key, value in parts if key in _COMPARED}


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise _wrong("a value is not base64") from None


def _canonical(element: etree._Element) -> bytes:
    try:
        return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    except etree.LxmlError:
        raise _wrong("what was signed has no canonical form") from None


def sign_response(message: bytes, pair: Pair) -> bytes:
    """Sign the body of a message without a header; every other byte is unchanged."""
    name = f"id-{uuid.uuid4()}"
    head, mark, tail = message.partition(b"<soapenv:Body>")
    if not mark:
        raise ValueError("the message has no body of ours")
    tail = f'<soapenv:Body xmlns:wsu="{WSU}" wsu:Id="{name}">'.encode() + tail
    method = pair.key.method
    digest = method.hash(_canonical(etree.fromstring(head + tail)[-1]))
    inside = (
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{method.signature}"></ds:SignatureMethod>'
        f'<ds:Reference URI="#{name}"><ds:Transforms><ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform>'
        f'</ds:Transforms><ds:DigestMethod Algorithm="{method.digest}"></ds:DigestMethod>'
        f"<ds:DigestValue>{_encoded(digest)}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    # Written in canonical form: there it declares its prefix, in the message its parent does.
    value = pair.key.sign(f'<ds:SignedInfo xmlns:ds="{DS}">{inside}'.encode())
    certificate = pair.certificate
    header = (
        f'<soapenv:Header><wsse:Security xmlns:wsse="{WSSE}" soapenv:mustUnderstand="1"><ds:Signature xmlns:ds="{DS}">'
        f"<ds:SignedInfo>{inside}<ds:SignatureValue>{_encoded(value)}</ds:SignatureValue><ds:KeyInfo>"
        "<wsse:SecurityTokenReference><ds:X509Data><ds:X509IssuerSerial>"
        f"<ds:X509IssuerName>{escaped(certificate.issuer)}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{certificate.serial}</ds:X509SerialNumber>"
        "</ds:X509IssuerSerial></ds:X509Data></wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>"
        "</wsse:Security></soapenv:Header>"
    )
    return head + header.encode() + tail


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
