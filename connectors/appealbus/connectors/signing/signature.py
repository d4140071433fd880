"""An XML signature: its names, its failures, the cost of its canonical form, and how it names its certificate."""

import base64
import binascii
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml import etree

from appealbus.core import CallFailed
from appealbus.schemas.namespaces import DS
from appealbus.schemas.outcome import OutcomeKind

OASIS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE: Final = f"{OASIS}wssecurity-secext-1.0.xsd"
WSU: Final = f"{OASIS}wssecurity-utility-1.0.xsd"
KEY_IDENTIFIER: Final = f"{OASIS}x509-token-profile-1.0#X509SubjectKeyIdentifier"
THUMBPRINT: Final = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"

RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"

_PKI_GOV_KZ = "urn:ietf:params:xml:ns:pkigovkz:xmlsec:algorithms:"
GOST_SIGNATURE: Final = {bits: f"{_PKI_GOV_KZ}gostr34102015-gostr34112015-{bits}" for bits in (256, 512)}
"""Signature methods of GOST 34.10-2015, by the bits of their hash."""
GOST_DIGEST: Final = {bits: f"{_PKI_GOV_KZ}gostr34112015-{bits}" for bits in (256, 512)}
"""The corresponding digest methods."""
GOST_2004: Final = "http://www.w3.org/2001/04/xmldsig-more#gost34310-gost34311"
"""The signature method of older keys: GOST 34.310-2004 with GOST 34.311-95."""

METHODS: Final = frozenset({(RSA_SHA256, SHA256), *((GOST_SIGNATURE[bits], GOST_DIGEST[bits]) for bits in (256, 512))})
"""Accepted signature methods, each with its digest method."""

SIGNATURE_PARTS: Final = [f"{{{DS}}}{name}" for name in ("SignedInfo", "SignatureValue", "KeyInfo")]
"""Children of a Signature; KeyInfo is optional."""
SIGNED_INFO_PARTS: Final = [f"{{{DS}}}{name}" for name in ("CanonicalizationMethod", "SignatureMethod", "Reference")]
REFERENCE_PARTS: Final = [f"{{{DS}}}{name}" for name in ("Transforms", "DigestMethod", "DigestValue")]

SECURITY: Final = f"{{{WSSE}}}Security"
WSU_ID: Final = f"{{{WSU}}}Id"

_MENDED = 300.0
"""Seconds of pause: nobody fixes keys or settings faster, and each question discloses a person for nothing."""

_MOST_IN_SCOPE: Final = 1000
"""Namespaces in scope of one element: 1,000 take 15 ms, 9,000 take 0.8 s."""
_MOST_STEPS: Final = 1_000_000
"""Namespaces in scope, summed over all elements: this many take between 0.3 and 1.2 s."""
_MOST_COMPARED: Final = 10_000_000
"""Squared numbers of attributes, summed over elements: this many take between 0.05 and 0.2 s."""
_FEW: Final = 30
"""Attributes of one element that are not counted: a document cannot have enough elements with so few."""
_CROWDED = etree.XPath(f"//*[count(@*) > {_FEW}]")

_CHAIN = 8
"""Certificates read from one signature. Chains have two or three."""


def failed(code: str, reason: str, kind: OutcomeKind = OutcomeKind.INVALID) -> CallFailed:
    return CallFailed(kind, code, reason)


def failed_as_all(code: str, reason: str, kind: OutcomeKind = OutcomeKind.INVALID) -> CallFailed:
    """Return the failure of a message rejected for a reason that affects all messages of its sender."""
    return CallFailed(kind, code, reason, retry_after=_MENDED)


def is_costly(root: etree._Element) -> bool:
    """Whether a document parsed by `safexml` has enough namespaces or attributes to take seconds."""
    markup = etree.tostring(root, encoding="utf-8")
    crowded = _CROWDED(root) if markup.count(b"=") > _MOST_COMPARED // 1000 else ()  # safexml takes no more on one
    if sum(len(element.attrib) ** 2 for element in crowded) > _MOST_COMPARED:
        return True
    # Most documents declare so few that it need not be counted where they are in scope.
    declared = markup.count(b"xmlns")
    if declared <= _MOST_IN_SCOPE and declared * markup.count(b"<") <= _MOST_STEPS:
        return False
    steps = in_scope = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns", "start")):
        if event == "start":
            steps += in_scope
        else:
            in_scope += 1 if event == "start-ns" else -1
        if in_scope > _MOST_IN_SCOPE or steps > _MOST_STEPS:
            return True
    return False


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A signature's hints about its certificate: one of these, none, or the certificate and a number.

    Attributes:
        certificates: in the signature, with others of its chain in any order; or alone, as a BinarySecurityToken
            beside the signature.
        serial: its serial number, from X509IssuerSerial.
        key_identifier: its SubjectKeyIdentifier.
        thumbprint: its SHA-1.
    """

    certificates: tuple[bytes, ...] = ()
    serial: int | None = None
    key_identifier: bytes | None = None
    thumbprint: bytes | None = None


def read_key_info(signature: etree._Element) -> KeyInfo:
    """Read the hints of a signature. Raises CallFailed `wssec.structure` if they cannot be read."""
    info = signature.find(f"{{{DS}}}KeyInfo")
    if info is None:
        return KeyInfo()
    number = next(info.iter(f"{{{DS}}}X509SerialNumber"), None)
    shown = list(islice(info.iter(f"{{{WSSE}}}KeyIdentifier", f"{{{DS}}}X509Certificate"), _CHAIN))
    if not shown:
        return KeyInfo(serial=_number(number)) if number is not None else _token(signature, info)
    octets, kind = _octets(shown[0]), str(shown[0].get("ValueType", ""))
    if kind == KEY_IDENTIFIER:
        return KeyInfo(key_identifier=octets)
    if kind == THUMBPRINT:
        return KeyInfo(thumbprint=octets)
    chain = tuple(_octets(element) for element in shown if element.tag == shown[0].tag)
    with suppress(CallFailed):
        return KeyInfo(chain, serial=_number(number) if number is not None else None)
    return KeyInfo(chain)


def _token(signature: etree._Element, info: etree._Element) -> KeyInfo:
    """Return the token beside the signature that it refers to, if any."""
    reference = info.find(f"{{{WSSE}}}SecurityTokenReference/{{{WSSE}}}Reference")
    security = signature.getparent()
    if reference is None or security is None or security.tag != SECURITY:
        return KeyInfo()
    tokens = security.iterchildren(f"{{{WSSE}}}BinarySecurityToken")
    token = next((one for one in tokens if f"#{one.get(WSU_ID)}" == reference.get("URI")), None)
    if token is None:
        raise failed("wssec.structure", "the signature refers to a certificate that is not in the message")
    return KeyInfo((_octets(token),))


def _octets(element: etree._Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (ValueError, binascii.Error):
        raise failed("wssec.structure", "the certificate in the message is not base64") from None


def _number(element: etree._Element) -> int:
    text = (element.text or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 60):  # 20 octets are the most that a number may have
        raise failed("wssec.structure", "the certificate's serial number in the message is not a number")
    return int(text)
