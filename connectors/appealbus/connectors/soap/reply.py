"""From an HTTP answer to the element that answers the question, or to a typed failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from appealbus.connectors.http import BUSY, HttpReply, charset_of, status_failure
from appealbus.connectors.soap.envelope import Envelope, invalid, open_envelope, parsed
from appealbus.connectors.soap.multipart import is_multipart, put_back, split_parts
from appealbus.connectors.soap.outcomes import by_precedence, fault_failure
from appealbus.connectors.soap.settings import SoapSettings
from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

WRONG_ANSWER = "soap.wrong_answer"
_ADDRESSING = ("http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing")
_ROADS = ("http://x-road.eu/xsd/xroad.xsd", "http://x-road.ee/xsd/x-road.xsd")
_UNSPECIFIED = "http://www.w3.org/2005/08/addressing/unspecified"


def echoes(sent: Sequence[etree._Element]) -> Mapping[str, str]:
    """Return what the header of an answer must repeat of the request's headers, by element name.

    Supported are WS-Addressing, whose RelatesTo repeats the MessageID, and X-Road, whose answers repeat the id.
    """
    ids: dict[str, str] = {}
    for element in sent:
        name, value = etree.QName(element), (element.text or "").strip()
        if value and name.namespace in _ADDRESSING and name.localname == "MessageID":
            # Some answer in the namespace of the other edition.
            ids |= {f"{{{edition}}}RelatesTo": value for edition in _ADDRESSING}
        elif value and name.namespace in _ROADS and name.localname == "id":
            ids[str(element.tag)] = value
    return ids


def is_tied(header: etree._Element | None, wanted: Mapping[str, str]) -> bool:
    """Whether an answer repeats the id. Without any id it is accepted; another one raises CallFailed."""
    tied = False
    for name, value in wanted.items():
        ids = [] if header is None else [_plain(node.text) for node in header.iterchildren(name) if _is_reply(node)]
        ids = [id for id in ids if id not in ("", _UNSPECIFIED)]
        if ids and _plain(value) not in ids:
            raise CallFailed(OutcomeKind.INVALID, WRONG_ANSWER, "the reply belongs to another question")
        tied = tied or bool(ids)
    return tied


def _is_reply(element: etree._Element) -> bool:
    """Whether a RelatesTo element refers to the request; it may state other relations."""
    kind = element.get("RelationshipType", "reply")
    return kind.rpartition("/")[2].rpartition(":")[2].lower() == "reply"


def _plain(value: str | None) -> str:
    # Some write the UUID without its scheme, or in capitals.
    return (value or "").strip().lower().removeprefix("urn:").removeprefix("uuid:")


@dataclass(frozen=True, slots=True)
class OpenedReply:
    """A parsed answer. The envelope is None if the body is empty; attachments are by content id."""

    envelope: Envelope | None
    correlated: bool
    attachments: Mapping[str, bytes]


def open_reply(reply: HttpReply, settings: SoapSettings, wanted: Mapping[str, str]) -> OpenedReply:
    """Parse an answer that is no failure, and that repeats the ids in `wanted`, if it has any. Raises CallFailed.

    A fault takes precedence over the status, except over 408, 429, 503, and over 401, 403, 407 unless the settings map
    the fault to `refused` or `not_found`.
    """
    failed = status_failure(reply)
    if failed is not None and reply.status in BUSY:
        raise failed
    if failed is None and not reply.body.strip():
        return OpenedReply(None, reply.alone, {})
    try:
        envelope, attachments = _envelope(reply, settings.limit, settings.encoding)
    except CallFailed:
        # Proxies and crashed servers answer in HTML; then the status is all that there is.
        if failed is not None:
            raise failed from None
        raise
    correlated = is_tied(envelope.header, wanted) or reply.alone
    if envelope.fault is not None:
        meant = fault_failure(envelope.fault, settings.faults, settings.fault_texts)
        meant.details = envelope.fault.details
        fault = by_precedence(meant, reply, failed)
        fault.correlated = correlated
        raise fault
    if failed is not None:
        raise failed
    return OpenedReply(envelope, correlated, attachments)


def answer_in(envelope: Envelope, expected: str) -> etree._Element:
    """Return the one element of the Body, if it is the operation's answer. Raises CallFailed `soap.*`."""
    if len(envelope.children) != 1:
        raise invalid("soap.body", f"the SOAP body holds {len(envelope.children)} elements instead of one")
    answer = envelope.children[0]
    if answer.tag != expected:
        raise invalid("soap.unexpected", "the SOAP body holds another element than the contract says")
    return answer


def _envelope(reply: HttpReply, limit: int, fallback: str | None) -> tuple[Envelope, Mapping[str, bytes]]:
    content_type = reply.headers.get("Content-Type", "")
    if not is_multipart(content_type):
        return open_envelope(parsed(reply.body, limit, charset_of(content_type), fallback)), {}
    parts = split_parts(reply.body, content_type)
    root = parsed(parts.root, limit, charset_of(parts.root_type), fallback)
    left_over = put_back(root, parts, limit)
    return open_envelope(root), left_over
