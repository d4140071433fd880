"""From an HTTP answer to the element that answers the question, or to a typed failure."""

import re
from collections.abc import Mapping

from lxml import etree

from appealbus.connectors.http import BUSY, HttpReply, charset_of, status_failure
from appealbus.connectors.soap.envelope import Envelope, open_envelope
from appealbus.connectors.soap.faults import fault_failure, louder
from appealbus.connectors.soap.multipart import is_multipart, put_back, split_parts
from appealbus.core.interfaces.wire import CallFailed
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import UnsafeXml, parse

_SUBJECT = re.compile(r"Element '(?:\{[^}']*\})?([^']{1,200})'")


def open_reply(
    reply: HttpReply, *, limit: int, fallback: str | None, faults: Mapping[str, OutcomeKind]
) -> Envelope | None:
    """Return the envelope of an answer that is no failure; None where the body is empty.

    A fault counts whatever the status is, except where the status says more: 408, 429, 503, and 401, 403, 407
    unless the settings make the fault `refused` or `not_found`.

    Raises:
        CallFailed: `http.*`, `xml.*`, `soap.*`.

    """
    failed = status_failure(reply)
    if failed is not None and reply.status in BUSY:
        raise failed
    if failed is None and not reply.body.strip():
        return None
    try:
        envelope = _envelope(reply, limit, fallback)
    except CallFailed:
        # Proxies and crashed servers answer in HTML; then the status is all that there is.
        if failed is not None:
            raise failed from None
        raise
    if envelope.fault is not None:
        raise louder(fault_failure(envelope.fault, faults), reply, failed)
    if failed is not None:
        raise failed
    return envelope


def answer_in(envelope: Envelope, expected: str) -> etree._Element:
    """Return the one element of the Body, if it is the one that the operation answers with.

    Raises:
        CallFailed: `soap.body`, `soap.unexpected`.

    """
    if len(envelope.children) != 1:
        raise _invalid("soap.body", f"the SOAP body holds {len(envelope.children)} elements instead of one")
    answer = envelope.children[0]
    if answer.tag != expected:
        raise _invalid("soap.unexpected", "the SOAP body holds another element than the contract says")
    return answer


def validate(element: etree._Element, schema: etree.XMLSchema, names: frozenset[str], code: str, what: str) -> None:
    """Check an element against the contract.

    Args:
        element: what to check.
        schema: the contract's own.
        names: the names that the contract uses: only these may appear in a reason.
        code: of the failure.
        what: `the reply`, `the request`.

    Raises:
        CallFailed: with the code.

    """
    if schema.validate(element):
        return
    # The validator's text quotes values; its subject is a name, which is ours if the contract has it.
    match = _SUBJECT.match(schema.error_log[0].message) if len(schema.error_log) else None
    name = match[1] if match and match[1] in names else "an element that the contract does not know"
    raise _invalid(code, f"{what} breaks the contract at {name}")


def _envelope(reply: HttpReply, limit: int, fallback: str | None) -> Envelope:
    content_type = reply.headers.get("Content-Type", "")
    if not is_multipart(content_type):
        return open_envelope(_parsed(reply.body, limit, charset_of(reply), fallback))
    parts = split_parts(reply.body, content_type)
    root = _parsed(parts.root, limit, None, fallback)
    put_back(root, parts, limit)
    return open_envelope(root)


def _parsed(data: bytes, limit: int, charset: str | None, fallback: str | None) -> etree._Element:
    try:
        return parse(data, limit=limit, charset=charset, fallback=fallback)
    except UnsafeXml as error:
        raise _invalid(error.code, error.reason) from None


def _invalid(code: str, reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, code, reason)
