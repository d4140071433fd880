"""Verification of a signed message: the peer signed the very body that we read."""

from datetime import datetime

from lxml import etree

from appealbus.connectors.signing.cost import is_costly
from appealbus.connectors.signing.failures import failed
from appealbus.connectors.signing.key_info import read_key_info
from appealbus.connectors.signing.trust import Trust
from appealbus.connectors.signing.verify import signed_by
from appealbus.connectors.wssec.canonical import check_types, exclusive
from appealbus.connectors.wssec.structure import methods_of, signed_parts
from appealbus.core.clocks import wall


def verify(
    envelope: etree._Element, trust: Trust, *, now: datetime | None = None, came_at: datetime | None = None
) -> etree._Element:
    """Return the body of the message after verifying that a trusted peer signed this very element.

    Takes up to some milliseconds, and as much again for each 100 KB: call it in a thread.

    Args:
        now: the moment for which revocation lists must be valid; None: now.
        came_at: time of arrival, when the certificate must have been valid; None: at `now`.

    Raises:
        CallFailed: `wssec.*`: `invalid`, or `unavailable` if our own revocation list is out of date.
    """
    if is_costly(envelope):
        raise failed("wssec.structure", "the message has too many namespaces or attributes to be verified")
    body, signature = signed_parts(envelope)
    methods = methods_of(signature, trust.methods)
    candidates = trust.candidates(read_key_info(signature), methods)
    info = signature[0]
    signer = signed_by(signature, candidates, exclusive(info, info[0]), exclusive(body, info[2][0][0]))
    trust.check(signer, now or wall(), came_at)
    check_types(body)
    return body
