"""The allowed structure of a document with an enveloped signature, checked before any cryptography.

Anything beyond signing the whole document is rejected: another signature, reference or place, other transforms.
"""

from typing import Final

from lxml import etree

from appealbus.connectors.signing.signature import REFERENCE_PARTS, SIGNATURE_PARTS, SIGNED_INFO_PARTS, failed
from appealbus.schemas.namespaces import DS, SIGNATURE

C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_WITH_COMMENTS: Final = f"{C14N}#WithComments"
ENVELOPED: Final = f"{DS}enveloped-signature"
_TRANSFORMS = ([ENVELOPED, C14N_WITH_COMMENTS], [ENVELOPED, C14N])
"""The two are equivalent: URI="" excludes comments (XML Signature, 4.3.3.3)."""


def signature_of(root: etree._Element) -> etree._Element:
    """Return the only signature, which refers to the whole document. Raises CallFailed `data_signature.*`."""
    signatures = list(root.iter(SIGNATURE))
    if not signatures:
        raise failed("data_signature.unsigned", "the data is not signed")
    if len(signatures) > 1 or signatures[0].getparent() is not root:
        reason = "the signature of the data is not where it belongs, or not the only one"
        raise failed("data_signature.structure", reason)
    _check(signatures[0])
    return signatures[0]


def methods_of(signature: etree._Element) -> tuple[str, str]:
    """Return the methods of the signature and of its digest."""
    info = signature[0]
    return str(info[1].get("Algorithm")), str(info[2][1].get("Algorithm"))


def _check(signature: etree._Element) -> None:
    if [part.tag for part in signature] not in (SIGNATURE_PARTS, SIGNATURE_PARTS[:2]):
        raise failed("data_signature.structure", "the signature of the data has parts that we do not take")
    info = signature[0]
    if [part.tag for part in info] != SIGNED_INFO_PARTS or [part.tag for part in info[2]] != REFERENCE_PARTS:
        raise failed("data_signature.structure", "the signature of the data does not have exactly one reference")
    canonical, method, reference = info
    transforms, digest, _ = reference
    if reference.get("URI") != "":
        raise failed("data_signature.reference", "what was signed is not the whole of the data")
    chosen = [step.get("Algorithm") for step in transforms.iterchildren(f"{{{DS}}}Transform")]
    plain = not any(len(part) for part in (canonical, method, digest, *transforms))
    if len(chosen) != len(transforms) or chosen not in _TRANSFORMS or canonical.get("Algorithm") != C14N or not plain:
        raise failed("data_signature.algorithm", "the signature of the data transforms it in ways that we do not take")
