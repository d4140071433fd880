"""The allowed structure of a signed message, checked before any cryptography.

Anything beyond signing the body is rejected: a second body, signature or reference, duplicate ids, other transforms.
This prevents signature wrapping.
"""

from collections import Counter
from collections.abc import Collection
from typing import Final

from lxml import etree

from appealbus.connectors.signing.signature import (
    GOST_2004,
    REFERENCE_PARTS,
    SECURITY,
    SIGNATURE_PARTS,
    SIGNED_INFO_PARTS,
    WSSE,
    WSU_ID,
    failed,
    failed_as_all,
)
from appealbus.schemas.namespaces import DS, SIGNATURE, SOAP11, SOAP12

SOAP_NAMESPACES: Final = (SOAP11, SOAP12)
EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
WSSE_ID: Final = f"{{{WSSE}}}Id"


def signed_parts(envelope: etree._Element) -> tuple[etree._Element, etree._Element]:
    """Return the message's body and its only signature, which refers to this body only. Raises CallFailed."""
    body, signature = _parts(envelope)
    _check_ids(envelope, body)
    _check_reference(signature, str(body.get(WSU_ID)))
    return body, signature


def methods_of(signature: etree._Element, allowed: Collection[tuple[str, str]]) -> tuple[str, str]:
    """Return the methods of the signature and of its digest, if the pair is allowed. Raises CallFailed."""
    canonical, method, reference = signature[0]
    transforms, digest, _ = reference
    chosen = str(method.get("Algorithm")), str(digest.get("Algorithm"))
    if chosen[0] == GOST_2004:
        raise failed_as_all("wssec.old_gost", "the message is signed by GOST 34.310-2004, which is not supported")
    if chosen not in allowed or len(method) or len(digest):
        raise failed_as_all("wssec.algorithm", "the signature uses an algorithm that no trusted certificate is for")
    for step in (canonical, transforms[0]):
        inside = [part.tag for part in step]
        if step.get("Algorithm") != EXC_C14N or inside not in ([], [f"{{{EXC_C14N}}}InclusiveNamespaces"]):
            raise failed_as_all("wssec.algorithm", "the signature uses an algorithm that we do not take")
    return chosen


def _parts(envelope: etree._Element) -> tuple[etree._Element, etree._Element]:
    soap = next((known for known in SOAP_NAMESPACES if envelope.tag == f"{{{known}}}Envelope"), None)
    if soap is None:
        raise failed("wssec.structure", "the message is not a SOAP envelope")
    everything = Counter(element.tag for element in envelope.iter(f"{{{soap}}}*", SECURITY))
    names = [f"{{{soap}}}Header", f"{{{soap}}}Body"]
    if [part.tag for part in envelope][-1:] == names[1:] and SECURITY not in everything:
        raise failed_as_all("wssec.unsigned", "the message is not signed")
    if [part.tag for part in envelope] != names or any(everything[name] != 1 for name in (*names, SECURITY)):
        raise failed("wssec.structure", "the message does not have exactly one header, body and security element")
    header, body = envelope
    security = header.findall(SECURITY)
    signatures = list(header.iter(SIGNATURE))
    if len(security) != 1 or (signatures and (len(signatures) != 1 or signatures[0].getparent() is not security[0])):
        raise failed("wssec.structure", "the signature is not where it belongs, or not the only one")
    if not signatures:
        raise failed_as_all("wssec.unsigned", "the message is not signed")
    return body, signatures[0]


def _check_ids(envelope: etree._Element, body: etree._Element) -> None:
    """Reject duplicate ids, and any other attribute that could pass for the body's id.

    Some gateways repeat the body's id as wsse:Id; then it must be the same.
    """
    body_id = body.get(WSU_ID)
    if not body_id:
        raise failed("wssec.reference", "the body has no id, so nothing can have signed it")
    seen: set[str] = set()
    for element in envelope.iter("*"):
        for name, value in element.attrib.items():
            is_wsu = name == WSU_ID
            if (is_wsu and value in seen) or (value == body_id and element is not body and _is_id(str(name))):
                raise failed("wssec.duplicate_id", "an id occurs more than once in the message")
            if is_wsu:
                seen.add(str(value))
    others = (name for name, value in body.attrib.items() if value == body_id and _is_id(str(name)))
    if any(name not in (WSU_ID, WSSE_ID) for name in others):
        raise failed("wssec.duplicate_id", "an id occurs more than once in the message")
    if body.get(WSSE_ID, body_id) != body_id:
        raise failed("wssec.duplicate_id", "the body has two ids that differ")


def _is_id(name: str) -> bool:
    return name.rpartition("}")[2].lower() == "id"


def _check_reference(signature: etree._Element, body_id: str) -> None:
    tags = [part.tag for part in signature]
    if tags not in (SIGNATURE_PARTS, SIGNATURE_PARTS[:2]):
        raise failed("wssec.structure", "the signature has parts that we do not take")
    info = list(signature[0])
    if [part.tag for part in info] != SIGNED_INFO_PARTS:
        raise failed("wssec.structure", "the signature does not have exactly one reference")
    reference = info[2]
    if reference.get("URI") != f"#{body_id}":
        raise failed("wssec.reference", "what was signed is not the body of the message")
    if [part.tag for part in reference] != REFERENCE_PARTS:
        raise failed("wssec.structure", "the signature's reference has parts that we do not take")
    if [part.tag for part in reference[0]] != [f"{{{DS}}}Transform"]:
        raise failed_as_all("wssec.algorithm", "the signature transforms the message in ways that we do not take")
