"""Verification of a document's enveloped signature: a trusted peer signed all but the signature itself.

The signature is removed first; the rest is both hashed and read.
"""

from datetime import datetime

from lxml import etree

from appealbus.connectors.signing.signature import GOST_2004, failed, failed_as_all, is_costly, read_key_info
from appealbus.connectors.signing.trust import Trust
from appealbus.connectors.signing.trusted import signed_by
from appealbus.connectors.xmldsig.structure import methods_of, signature_of
from appealbus.core import CallFailed
from appealbus.core.clocks import wall
from appealbus.core.replies.xmlread import take_out
from appealbus.schemas.namespaces import XML


def verify(root: etree._Element, trust: Trust, *, now: datetime | None = None, came_at: datetime | None = None) -> None:
    """Verify that the whole document was signed, and remove its signature.

    Takes up to some milliseconds, and as much again for each 100 KB: call it in a thread.

    Args:
        root: the root of its own document: surrounding content is not signed.
        now: the moment for which revocation lists must be valid; None: now.
        came_at: time of arrival, when the certificate must have been valid; None: at `now`.

    Raises:
        CallFailed: `data_signature.*`: `invalid`, or `unavailable` if our own revocation list is out of date.
    """
    signature = signature_of(root)
    if is_costly(root):
        raise failed("data_signature.structure", "the data has too many namespaces or attributes to be verified")
    methods = methods_of(signature)
    if methods[0] == GOST_2004:
        raise failed_as_all("data_signature.old_gost", "the data is signed by GOST 34.310-2004, which is not supported")
    if methods not in trust.methods:
        raise failed_as_all(
            "data_signature.algorithm", "the data is signed by an algorithm that no trusted certificate is for"
        )
    try:
        candidates = trust.candidates(read_key_info(signature), methods)
        info = canonical_info(signature[0])
        take_out(signature)
        covered = etree.tostring(root, method="c14n", with_comments=False)
        trust.check(signed_by(signature, candidates, info, covered), now or wall(), came_at)
    except CallFailed as failure:
        # The words of signatures over messages, which hold for the data in one, too.
        code, reason = failure.code.rpartition(".")[2], failure.reason.replace("the message", "the data")
        raise CallFailed(failure.kind, f"data_signature.{code}", reason, retry_after=failure.retry_after) from None
    except etree.LxmlError:
        raise failed("data_signature.structure", "the data has no canonical form") from None


def canonical_info(info: etree._Element) -> bytes:
    """Return the canonical form of SignedInfo inside its document (Canonical XML 1.0, section 2.4)."""
    # lxml leaves out what a part inherits, unless the part stands alone: then it writes the namespaces into it.
    alone = etree.fromstring(etree.tostring(info, encoding="utf-8", with_tail=False))
    for ancestor in info.iterancestors():
        for name, value in ancestor.attrib.items():
            if str(name).startswith(f"{{{XML}}}") and name not in alone.attrib:
                alone.set(name, value)
    return etree.tostring(alone, method="c14n", with_comments=False)
