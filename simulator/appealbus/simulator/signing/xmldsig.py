"""Enveloped XMLDSig in business content: registers sign answers and verify queries."""

import base64
import binascii
import copy
from collections.abc import Sequence
from datetime import datetime

from lxml import etree

from appealbus.simulator.refusal import DATA_NOT_SIGNED, DATA_SIGNATURE_EXPIRED, DATA_SIGNATURE_WRONG, RequestRefused
from appealbus.simulator.signing.algorithms import DS, ENVELOPED, INCLUSIVE, WITH_COMMENTS, Certificate, PrivateKey, ds

SIGNATURE = ds("Signature")


def sign_document(document: bytes, key: PrivateKey, certificate: Certificate | None = None) -> bytes:
    """Add a signature as the last child of the root, with the certificate if given; every other byte is unchanged.

    The document must be well-formed, and its root not empty.
    """
    method = key.method
    root = etree.fromstring(document)
    digest = method.hash(_canonical(root))
    info = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{INCLUSIVE}"/>'
        f'<ds:SignatureMethod Algorithm="{method.signature}"/><ds:Reference URI=""><ds:Transforms>'
        f'<ds:Transform Algorithm="{ENVELOPED}"/><ds:Transform Algorithm="{WITH_COMMENTS}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{method.digest}"/><ds:DigestValue>{base64.b64encode(digest).decode()}'
        "</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    ).encode()
    # Inclusive canonical form takes in the namespaces around, so it is taken from where the signature stands.
    root.append(etree.fromstring(info + b"</ds:Signature>"))
    value = base64.b64encode(key.sign(_canonical(root[-1][0])))
    x509 = b""
    if certificate is not None:
        der = base64.b64encode(certificate.der)
        x509 = b"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>" % der
    end = document.rindex(b"</")
    rest = b"<ds:SignatureValue>%s</ds:SignatureValue>%s</ds:Signature>" % (value, x509)
    return document[:end] + info + rest + document[end:]


def verify_document(root: etree._Element, signers: Sequence[Certificate], now: datetime) -> None:
    """Verify that one of the signers has signed the whole document.

    Raises:
        RequestRefused: SCE017 without a signature, SCE015 for an expired certificate, else SCE016.
    """
    signatures = list(root.iter(SIGNATURE))
    if not signatures:
        raise RequestRefused(DATA_NOT_SIGNED, "the data is not signed: its root has no Signature")
    if len(signatures) > 1 or signatures[0].getparent() is not root:
        raise _wrong("the data has another Signature than one child of its root")
    signature = signatures[0]
    certificate = _certificate(signature, signers)
    _check(signature, root, certificate)
    info = signature[0]
    if not certificate.key.verify(_canonical(info), _decoded(signature.findtext(ds("SignatureValue")))):
        raise _wrong("the signature of the data does not fit the certificate")
    if not certificate.holds(now):
        raise RequestRefused(DATA_SIGNATURE_EXPIRED, "the certificate of the data's signature is out of date")


def without_signature(root: etree._Element) -> etree._Element:
    bare = copy.deepcopy(root)
    for signature in bare.findall(SIGNATURE):
        after, before = signature.tail or "", signature.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + after
        else:
            bare.text = (bare.text or "") + after
        bare.remove(signature)
    return bare


def _check(signature: etree._Element, root: etree._Element, certificate: Certificate) -> None:
    method = certificate.key.method
    info = signature[0]
    reference = info.find(ds("Reference"))
    if info.tag != ds("SignedInfo") or len(info) != 3 or reference is None or reference.get("URI") != "":
        raise _wrong("SignedInfo does not refer to the whole document")
    names = [step.get("Algorithm") for step in reference.iterfind(f"{ds('Transforms')}/{ds('Transform')}")]
    if names not in ([ENVELOPED, WITH_COMMENTS], [ENVELOPED, INCLUSIVE], [ENVELOPED]):
        raise _wrong("the transforms are not enveloped-signature and canonical XML")
    for parent, name, algorithms in (
        (info, "CanonicalizationMethod", (INCLUSIVE, WITH_COMMENTS)),
        (info, "SignatureMethod", (method.signature,)),
        (reference, "DigestMethod", (method.digest,)),
    ):
        element = parent.find(ds(name))
        if element is None or element.get("Algorithm") not in algorithms:
            raise _wrong(f"{name} is not {algorithms[0]}")
    if _decoded(reference.findtext(ds("DigestValue"))) != method.hash(_canonical(without_signature(root))):
        raise _wrong("the data is not what was signed")


def _certificate(signature: etree._Element, signers: Sequence[Certificate]) -> Certificate:
    der = _decoded(signature.findtext(f"{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}"))
    for signer in signers:
        if signer.der == der:
            return signer
    raise _wrong("the certificate of the data's signature is no participant's")


def _wrong(reason: str) -> RequestRefused:
    return RequestRefused(DATA_SIGNATURE_WRONG, reason)


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise _wrong("a value of the data's signature is not base64") from None


def _canonical(element: etree._Element) -> bytes:
    try:
        return etree.tostring(element, method="c14n", exclusive=False, with_comments=True)
    except etree.LxmlError:
        raise _wrong("what was signed has no canonical form") from None
