"""Holds a signed message to its signature: what was signed is the body that we read, and the peer signed it.

Everything that a signature could do beyond that is refused before any cryptography: a second body, signature or
reference, ids that occur twice, other algorithms and transforms. So a signature cannot be wrapped around
another message.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from appealbus.connectors.wssec.keys import read_certificate
from appealbus.connectors.wssec.names import (
    DS,
    EXC_C14N,
    RSA_SHA256,
    SECURITY,
    SHA256,
    SIGNATURE,
    SOAP_NAMESPACES,
    WSSE,
    WSU,
    WSU_ID,
)
from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_SIGNED_INFO = [f"{{{DS}}}{name}" for name in ("CanonicalizationMethod", "SignatureMethod", "Reference")]
_REFERENCE = [f"{{{DS}}}{name}" for name in ("Transforms", "DigestMethod", "DigestValue")]
_SIGNATURE = [f"{{{DS}}}{name}" for name in ("SignedInfo", "SignatureValue", "KeyInfo")]


@dataclass(frozen=True, slots=True)
class Trusted:
    """A certificate of the peer, pinned: no authority stands behind it but our configuration."""

    der: bytes
    key: xmlsec.Key
    not_before: datetime
    not_after: datetime


def load_trusted(paths: Sequence[Path]) -> tuple[Trusted, ...]:
    """Return the certificates in the files.

    Raises:
        ConfigError: one cannot be read.

    """
    trusted = []
    for path in paths:
        certificate = read_certificate(path)
        public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        key = xmlsec.Key.from_memory(public, xmlsec.constants.KeyDataFormatPem)
        der = certificate.public_bytes(Encoding.DER)
        trusted.append(Trusted(der, key, certificate.not_valid_before_utc, certificate.not_valid_after_utc))
    return tuple(trusted)


def verify(envelope: etree._Element, trusted: Sequence[Trusted], *, now: datetime | None = None) -> etree._Element:
    """Return the body of the message once it is sure that a trusted peer signed this very element.

    Args:
        envelope: the root of the message.
        trusted: the certificates of the peer.
        now: the moment at which a certificate must be valid; None: now.

    Raises:
        CallFailed: `wssec.*`, always `invalid`.

    """
    body, signature = _parts(envelope)
    _check_ids(envelope, body)
    _check_algorithms(signature, str(body.get(WSU_ID)))
    signer = next((peer for peer in _candidates(signature, trusted) if _signed_by(peer, signature, body)), None)
    if signer is None:
        raise _failed("wssec.signature", "the signature does not fit the message")
    moment = now or datetime.now(UTC)
    if not signer.not_before <= moment <= signer.not_after:
        raise _failed("wssec.expired", "the certificate that signed the message is not valid at this time")
    return body


def _parts(envelope: etree._Element) -> tuple[etree._Element, etree._Element]:
    soap = next((known for known in SOAP_NAMESPACES if envelope.tag == f"{{{known}}}Envelope"), None)
    if soap is None:
        raise _failed("wssec.structure", "the message is not a SOAP envelope")
    everything = Counter(element.tag for element in envelope.iter(f"{{{soap}}}*", SECURITY))
    names = [f"{{{soap}}}Header", f"{{{soap}}}Body"]
    if [part.tag for part in envelope][-1:] == names[1:] and SECURITY not in everything:
        raise _failed("wssec.unsigned", "the message is not signed")
    if [part.tag for part in envelope] != names or any(everything[name] != 1 for name in (*names, SECURITY)):
        raise _failed("wssec.structure", "the message does not have exactly one header, body and security element")
    header, body = envelope
    security = header.findall(SECURITY)
    signatures = list(header.iter(SIGNATURE))
    if len(security) != 1 or (signatures and (len(signatures) != 1 or signatures[0].getparent() is not security[0])):
        raise _failed("wssec.structure", "the signature is not where it belongs, or not the only one")
    if not signatures:
        raise _failed("wssec.unsigned", "the message is not signed")
    return body, signatures[0]


def _check_ids(envelope: etree._Element, body: etree._Element) -> None:
    """Refuse ids that occur twice, and any other attribute that could pass for the body's id."""
    body_id = body.get(WSU_ID)
    if not body_id:
        raise _failed("wssec.reference", "the body has no id, so nothing can have signed it")
    seen: set[str] = set()
    for element in envelope.iter("*"):
        for name, value in element.attrib.items():
            is_wsu = name == WSU_ID
            if (is_wsu and value in seen) or (value == body_id and element is not body and _is_id(str(name))):
                raise _failed("wssec.duplicate_id", "an id occurs more than once in the message")
            if is_wsu:
                seen.add(str(value))
    if any(value == body_id and name != WSU_ID and _is_id(str(name)) for name, value in body.attrib.items()):
        raise _failed("wssec.duplicate_id", "an id occurs more than once in the message")


def _is_id(name: str) -> bool:
    return name.rpartition("}")[2].lower() == "id"


def _check_algorithms(signature: etree._Element, body_id: str) -> None:
    tags = [part.tag for part in signature]
    if tags not in (_SIGNATURE, _SIGNATURE[:2]):
        raise _failed("wssec.structure", "the signature has parts that we do not take")
    info = list(signature[0])
    if [part.tag for part in info] != _SIGNED_INFO:
        raise _failed("wssec.structure", "the signature does not have exactly one reference")
    canonical, method, reference = info
    if reference.get("URI") != f"#{body_id}":
        raise _failed("wssec.reference", "what was signed is not the body of the message")
    if [part.tag for part in reference] != _REFERENCE:
        raise _failed("wssec.structure", "the signature's reference has parts that we do not take")
    transforms, digest, _ = reference
    if [part.tag for part in transforms] != [f"{{{DS}}}Transform"]:
        raise _failed("wssec.algorithm", "the signature transforms the message in ways that we do not take")
    chosen = [part.get("Algorithm") for part in (canonical, transforms[0], method, digest)]
    if chosen != [EXC_C14N, EXC_C14N, RSA_SHA256, SHA256] or len(method) or len(digest):
        raise _failed("wssec.algorithm", "the signature uses an algorithm that we do not take")
    for step in (canonical, transforms[0]):
        if [part.tag for part in step] not in ([], [f"{{{EXC_C14N}}}InclusiveNamespaces"]):
            raise _failed("wssec.algorithm", "the signature uses an algorithm that we do not take")


def _candidates(signature: etree._Element, trusted: Sequence[Trusted]) -> Sequence[Trusted]:
    """Return the trusted certificates that may have signed: the one that the message shows, or else all."""
    shown = next(signature.iter(f"{{{WSSE}}}KeyIdentifier", f"{{{DS}}}X509Certificate"), None)
    if shown is None:
        return trusted
    try:
        der = base64.b64decode("".join((shown.text or "").split()), validate=True)
    except (ValueError, binascii.Error):
        raise _failed("wssec.structure", "the certificate in the message is not base64") from None
    if shown.get("ValueType", "#X509v3").endswith("#X509v3"):
        pinned = [peer for peer in trusted if peer.der == der]
        if not pinned:
            raise _failed("wssec.untrusted", "the message is signed with a certificate that is not trusted")
        return pinned
    return trusted


def _signed_by(peer: Trusted, signature: etree._Element, body: etree._Element) -> bool:
    context = xmlsec.SignatureContext()
    context.key = peer.key
    context.register_id(body, "Id", WSU)
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


def _failed(code: str, reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, code, reason)
