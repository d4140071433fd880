"""Matching answers to questions, if the contract has an id for that."""

from collections.abc import Mapping, Sequence

from lxml import etree

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
