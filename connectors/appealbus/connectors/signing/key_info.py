"""How a message names its signing certificate. This is only a hint: trust is decided elsewhere."""

import base64
import binascii
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from appealbus.connectors.signing.failures import failed
from appealbus.connectors.signing.names import KEY_IDENTIFIER, SECURITY, THUMBPRINT, WSSE, WSU_ID
from appealbus.core import CallFailed
from appealbus.schemas.namespaces import DS

_CHAIN = 8
"""Certificates read from one signature. Chains have two or three."""


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
