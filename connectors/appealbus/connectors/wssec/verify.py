"""Holds a signed message to its signature: what was signed is the body that we read, and the peer signed it."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

from lxml import etree

from appealbus.connectors.wssec.canonical import check_types, exclusive
from appealbus.connectors.wssec.cost import is_costly
from appealbus.connectors.wssec.key_info import read_key_info
from appealbus.connectors.wssec.structure import failed, methods_of, signed_parts
from appealbus.connectors.wssec.trust import Trust
from appealbus.connectors.wssec.trusted import Trusted
from appealbus.core import CallFailed
from appealbus.core.clocks import wall
from appealbus.schemas.namespaces import DS


def verify(envelope: etree._Element, trust: Trust, *, now: datetime | None = None) -> etree._Element:
    """Return the body of the message once it is sure that a trusted peer signed this very element.

    Takes up to some milliseconds, and as much again for each 100 KB: call it in a thread.

    Args:
        envelope: the root of the message.
        trust: whose signature counts.
        now: the moment at which a certificate must be valid; None: now.

    Raises:
        CallFailed: `wssec.*`: `invalid`, and `unavailable` where our own list of revoked certificates is out of date.

    """
    if is_costly(envelope):
        raise failed("wssec.structure", "the message has too many namespaces or attributes to be verified")
    body, signature = signed_parts(envelope)
    methods = methods_of(signature, trust.methods)
    candidates = trust.candidates(read_key_info(signature), methods)
    info = signature[0]
    signer = signed_by(signature, candidates, exclusive(info, info[0]), exclusive(body, info[2][0][0]))
    trust.check(signer, now or wall())
    check_types(body)
    return body


def signed_by(signature: etree._Element, candidates: Sequence[Trusted], info: bytes, covered: bytes) -> Trusted:
    """Return the certificate that the signature is right with.

    Args:
        signature: the Signature, of one reference.
        candidates: the certificates that it may be of, at least one; all for the same algorithms.
        info: its SignedInfo, canonical.
        covered: what the reference refers to, canonical.

    Raises:
        CallFailed: `wssec.signature`.

    """
    digest, value = _octets(signature[0][2].find(f"{{{DS}}}DigestValue")), _octets(signature[1])
    if digest == candidates[0].key.digest(covered):
        for each in candidates:
            if each.key.signed_message(info, value):
                return each
    raise _misfit()


def _octets(element: etree._Element | None) -> bytes:
    try:
        return base64.b64decode("".join(("" if element is None else element.text or "").split()), validate=True)
    except (ValueError, binascii.Error):
        raise _misfit() from None


def _misfit() -> CallFailed:
    return failed("wssec.signature", "the signature does not fit the message")
