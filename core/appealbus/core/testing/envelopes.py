"""SOAP envelopes around recorded replies: removed as by a wire, or added as by an agency."""

import re
from typing import NoReturn

from lxml import etree

from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.xmlread import child, text
from appealbus.schemas.namespaces import SOAP11, SOAP12
from appealbus.schemas.outcome import OutcomeKind

_AUTHENTICATION = {"Authentication", "FailedAuthentication", "FailedCheck", "InvalidSecurityToken"}
_CLIENT = (OutcomeKind.INVALID, "soap.fault.client", "the source finds a fault in our request")
_SERVER = (OutcomeKind.UNAVAILABLE, "soap.fault.server", "the source failed on its side")
_FAULTS = {
    "Client": _CLIENT,
    "Sender": _CLIENT,
    "Server": _SERVER,
    "Receiver": _SERVER,
    "VersionMismatch": (OutcomeKind.INVALID, "soap.fault.version_mismatch", "the source speaks another SOAP version"),
    "MustUnderstand": (OutcomeKind.INVALID, "soap.fault.must_understand", "the source does not know a header of ours"),
}
_DENIED = (
    OutcomeKind.UNAVAILABLE,
    "soap.fault.authentication",
    "the source does not accept the bus; check credentials and certificates",
)
_OTHER = (OutcomeKind.INVALID, "soap.fault.other", "the source answered with a fault of its own kind")

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")


def encoded(text: str) -> bytes:
    """Return a recorded text in UTF-8. An encoding in its declaration is ignored."""
    return _DECLARATION.sub("", text, count=1).encode() if _DECLARATION.match(text) else text.encode()


def version_of(root: etree._Element) -> str:
    """Return the namespace of a SOAP envelope; empty if it is none."""
    return next((space for space in (SOAP11, SOAP12) if root.tag == f"{{{space}}}Envelope"), "")


def fault_in(root: etree._Element) -> etree._Element | None:
    return next(root.iterfind("{*}Body/{*}Fault"), None) if version_of(root) else None


def without_envelope(root: etree._Element) -> etree._Element:
    """Return the content of the Body as a document; without an envelope the root. Raises CallFailed `soap.*`."""
    if not version_of(root):
        return root
    fault = fault_in(root)
    if fault is not None:
        _raise(fault)
    inside = list(root.iterfind("{*}Body/{*}*"))
    if len(inside) != 1:
        reason = f"the SOAP body holds {len(inside)} elements instead of one"
        raise CallFailed(OutcomeKind.INVALID, "soap.body", reason)
    # Written out and read again it keeps the prefixes that the envelope declares, which values may use.
    return etree.fromstring(etree.tostring(inside[0], encoding="utf-8", with_tail=False))


def with_envelope(content: etree._Element, version: str = SOAP11) -> bytes:
    """Return a serialized envelope with the content."""
    root = etree.Element(f"{{{version}}}Envelope", nsmap={"soap": version})
    body = etree.SubElement(root, f"{{{version}}}Body")
    body.append(etree.fromstring(etree.tostring(content, encoding="utf-8", with_tail=False)))
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _raise(fault: etree._Element) -> NoReturn:
    fault_code = text(fault, "faultcode")
    if fault_code is not None:
        code, *more = fault_code.rpartition(":")[2].split(".")
    else:
        code, more = (text(fault, "Code/Value") or "").rpartition(":")[2], []
        inner = child(fault, "Code/Subcode")
        while inner is not None:
            more.append((text(inner, "Value") or "").rpartition(":")[2])
            inner = child(inner, "Subcode")
    denied = not _AUTHENTICATION.isdisjoint((code, *more))
    kind, own, reason = _DENIED if denied else _FAULTS.get(code, _OTHER)
    detail = next(fault.iterchildren("{*}detail", "{*}Detail"), ())
    raise CallFailed(kind, own, reason, details=[*detail])
