"""Verification of a signed message: the peer signed the very body that we read."""

from datetime import datetime
from typing import cast

from lxml import etree

from appealbus.connectors.signing.signature import failed, is_costly, read_key_info
from appealbus.connectors.signing.trust import Trust
from appealbus.connectors.signing.trusted import signed_by
from appealbus.connectors.wssec.structure import methods_of, signed_parts
from appealbus.core.clocks import wall
from appealbus.schemas.namespaces import XSD, XSI, XSI_TYPE

_TYPED = etree.XPath("boolean(descendant-or-self::*/@xsi:type)", namespaces={"xsi": XSI})
_MAX_PREFIXES = 50
"""Prefixes that a signer may list: Java's list the envelope's, a handful."""
_DEFAULT = "#default"
"""Such a list's name for the namespace without a prefix."""

_AROUND_CONTENT = {"anyType", "anySimpleType", "string"}
"""XML Schema types that an element with child elements may have."""


def exclusive(element: etree._Element, step: etree._Element) -> bytes:
    """Return the element by Exclusive XML Canonicalization without comments. Raises CallFailed.

    `step` is the CanonicalizationMethod or Transform, which may list prefixes to be treated inclusively.
    """
    prefixes = str(step[0].get("PrefixList") or "").split() if len(step) else []
    if len(prefixes) > _MAX_PREFIXES:
        raise failed("wssec.algorithm", "the signature lists too many prefixes")
    try:
        if prefixes:
            # lxml canonicalises an element without the namespaces around it; written out alone, it has them itself.
            parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
            if _DEFAULT in prefixes:
                # lxml hands on only what its thread has read before, and no document could name anything so.
                etree.fromstring(f'<!DOCTYPE a [<!ATTLIST a b CDATA "{_DEFAULT}">]><a/>')
            element = etree.fromstring(etree.tostring(element, encoding="utf-8", with_tail=False), parser)
        return etree.tostring(
            element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes or None
        )
    except etree.LxmlError:
        # Namespaces that are no absolute URI, for one.
        raise failed("wssec.structure", "the message has no canonical form, so nobody can have signed it") from None


def check_types(body: etree._Element) -> None:
    """Reject a body with an ambiguous `xsi:type`. Raises CallFailed `wssec.type`.

    The canonical form omits prefixes used in values only, so an attacker can rebind the prefix of `xs:string` in a
    signed message. Readers of `data` only ask whether a type is XML Schema's own or a business type. The signature
    covers the local name, so that alone must decide. Otherwise a type only selects a schema for the signed content.
    """
    if not _TYPED(body):
        return
    around = body.getparent()
    outside = {} if around is None else around.nsmap
    bound = {prefix or "": [uri] for prefix, uri in outside.items()}
    declared: list[str] = []
    # Read along the document: to look each prefix up by its element would take its depth each time.
    for event, what in etree.iterwalk(body, events=("start", "start-ns", "end-ns")):
        if event == "start-ns":
            prefix, uri = cast("tuple[str, str]", what)
            bound.setdefault(prefix, []).append(uri)
            declared.append(prefix)
        elif event == "end-ns":
            bound[declared.pop()].pop()
        elif len(element := cast("etree._Element", what)) and (name := element.get(XSI_TYPE)) is not None:
            prefix, _, local = name.strip().rpartition(":")
            is_own = (bound.get(prefix) or [""])[-1] == XSD
            if is_own != (local in _AROUND_CONTENT):
                raise failed("wssec.type", "in the signed message a prefix does not fit the type that it stands before")


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
