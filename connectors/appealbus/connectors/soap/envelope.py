"""SOAP envelopes, 1.1 and 1.2, both sent and received."""

from dataclasses import dataclass, field

from lxml import etree

from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import child, children, text
from appealbus.schemas.namespaces import SOAP11, SOAP12
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import TOO_MUCH, UnsafeXml, parse

_CODES = {"Sender": "Client", "Receiver": "Server"}
_LONGEST_TEXT = 10_000
"""Characters of a fault's text matched with patterns: more than a sentence, less than a stack trace."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault of either version.

    Attributes:
        code: `Client` or `Server`, also for Sender and Receiver of SOAP 1.2; else the local name as received:
            `VersionMismatch`, `MustUnderstand` …
        subcodes: `Authentication` of `Client.Authentication`, the Subcodes of 1.2.
        details: the elements inside the detail.
        name: the code as received, with its suffix: `Sender`, `Client.Authentication`.
        text: only for matching with patterns, never shown: it may hold personal data.
    """

    code: str
    subcodes: tuple[str, ...]
    details: tuple[etree._Element, ...] = ()
    name: str = ""
    text: str = field(default="", repr=False)

    @property
    def detail(self) -> etree._Element | None:
        return self.details[0] if self.details else None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed SOAP message. `children` are the elements in the Body; empty if it holds a fault."""

    root: etree._Element
    header: etree._Element | None
    body: etree._Element
    children: tuple[etree._Element, ...]
    fault: Fault | None


def read_envelope(
    data: bytes, limit: int = 2 * 1024 * 1024, *, charset: str | None = None, fallback: str | None = None
) -> Envelope:
    """Parse a message. Raises CallFailed `xml.*` or `soap.*`, always `invalid`.

    `charset` is the transport's encoding (see `safexml.parse`), `fallback` that of messages which wrongly claim UTF-8.
    """
    if not data.strip():
        raise invalid("soap.empty", "the reply is empty")
    # Some servers write blank lines first. XML forbids that where a declaration follows, and they do it all the same.
    if data[:1].isspace() and (begun := data.lstrip()).startswith(b"<?xml"):
        data = begun
    return open_envelope(parsed(data, limit, charset, fallback))


def parsed(data: bytes, limit: int, charset: str | None, fallback: str | None) -> etree._Element:
    """Parse a document. Raises CallFailed `xml.*`."""
    try:
        return parse(data, limit=limit, charset=charset, fallback=fallback)
    except UnsafeXml as error:
        raise CallFailed(OutcomeKind.INVALID, error.code, error.reason, at_scale=error.code in TOO_MUCH) from None


def open_envelope(root: etree._Element) -> Envelope:
    """Take a message apart: an optional Header, then one Body, nothing else. Raises CallFailed `soap.envelope`."""
    namespace = next((known for known in (SOAP11, SOAP12) if root.tag == f"{{{known}}}Envelope"), None)
    if namespace is None:
        raise invalid("soap.envelope", "the reply is not a SOAP envelope")
    parts = list(root)
    header = parts.pop(0) if parts and parts[0].tag == f"{{{namespace}}}Header" else None
    if len(parts) != 1 or parts[0].tag != f"{{{namespace}}}Body":
        raise invalid("soap.envelope", "the SOAP envelope does not consist of a header at most and one body")
    body = parts[0]
    inside = tuple(body)
    # Servers put a 1.2 fault into a 1.1 envelope and the other way round.
    if inside and inside[0].tag in (f"{{{SOAP11}}}Fault", f"{{{SOAP12}}}Fault"):
        if len(inside) > 1:
            raise invalid("soap.envelope", "the SOAP body holds more than a fault")
        return Envelope(root, header, body, (), _fault(inside[0]))
    return Envelope(root, header, body, inside, None)


def build_envelope(
    content: etree._Element | None, namespace: str = SOAP11, headers: tuple[etree._Element, ...] = ()
) -> etree._Element:
    """Move content and headers into a new envelope. Without content its body is empty."""
    root = etree.Element(f"{{{namespace}}}Envelope", nsmap={"soap": namespace})
    if headers:
        etree.SubElement(root, f"{{{namespace}}}Header").extend(headers)
    body = etree.SubElement(root, f"{{{namespace}}}Body")
    if content is not None:
        body.append(content)
    return root


def serialise(root: etree._Element) -> bytes:
    """Serialize a message, in UTF-8 with a declaration."""
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _fault(element: etree._Element) -> Fault:
    code = text(element, "faultcode")
    if code is not None:
        first, *subcodes = _local(code).split(".")
        detail = child(element, "detail")
        words = [text(element, "faultstring")]
    else:
        first = _local(text(element, "Code/Value"))
        subcodes = []
        inner = child(element, "Code/Subcode")
        while inner is not None:
            subcodes.append(_local(text(inner, "Value")))
            inner = child(inner, "Subcode")
        detail = child(element, "Detail")
        words = [word.text for word in children(element, "Reason/Text")]
    first, *subcodes = (name.strip() for name in (first, *subcodes))
    return Fault(
        code=_CODES.get(first, first),
        subcodes=tuple(name for name in subcodes if name),
        details=tuple(detail.iterchildren()) if detail is not None else (),
        name=".".join(name for name in (first, *subcodes) if name),
        text=" ".join(word for word in words if word)[:_LONGEST_TEXT],
    )


def _local(name: str | None) -> str:
    return (name or "").rpartition(":")[2].strip()


def invalid(code: str, reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, code, reason)
