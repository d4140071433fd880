"""Business content of a message, in its various forms inside `data`."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from appealbus.schemas.safexml import UnsafeXml, parse
from appealbus.simulator.refusal import BAD_FORMAT, RequestRefused

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XSD = "http://www.w3.org/2001/XMLSchema"
XSI_TYPE: Final = f"{{{_XSI}}}type"
_MOST_NAMESPACES, _MOST_ATTRIBUTES = 50, 2000
"""Ten times the usual. Canonical form of 2,000 namespaces above 2,000 elements would take a minute."""


_MARK = re.compile(rb"<\0?\?")
"""Start of a processing instruction or XML declaration, in UTF-8 and in UTF-16."""


class Shape(StrEnum):
    """Form of the content in `data`."""

    CHILD = "child"
    """One element inside `data`."""
    BARE = "bare"
    """The content's children directly in `data`."""
    TYPED = "typed"
    """Like `BARE`, with the content's type as `xsi:type` of `data`."""
    TEXT = "text"
    """A whole document, escaped."""
    CDATA = "cdata"
    """A whole document in a CDATA section."""


def take(data: etree._Element, *, limit: int) -> tuple[etree._Element, Shape]:
    """Return the content and its form; raise RequestRefused if there is none, or its text is no XML.

    `limit` is in bytes of a document inside text. CDATA is indistinguishable from text.
    """
    if len(data):
        if XSI_TYPE in data.attrib:
            return data, Shape.TYPED
        return (data[0], Shape.CHILD) if len(data) == 1 else (data, Shape.BARE)
    text = (data.text or "").strip()
    if not text:
        raise RequestRefused(BAD_FORMAT, "data is empty")
    try:
        return parsed(text.encode(), limit=limit), Shape.TEXT
    except UnsafeXml as error:
        raise RequestRefused(BAD_FORMAT, f"the text in data is no XML: {error.reason}") from None


def parsed(data: bytes, *, limit: int) -> etree._Element:
    """Parse a document that is also cheap to verify, as canonical form takes quadratic time.

    Raises UnsafeXml if it is no XML, has processing instructions, or costs too much.
    """
    root = parse(data, limit=limit)
    if _has_instruction(data):
        raise UnsafeXml("xml.instruction", "the document has a processing instruction")
    markup = etree.tostring(root, encoding="utf-8")
    if markup.count(b"xmlns") > _MOST_NAMESPACES or markup.count(b"=") > _MOST_ATTRIBUTES:
        raise UnsafeXml("xml.too_many", "the document has too many namespaces or attributes")
    return root


def _has_instruction(data: bytes) -> bool:
    # SOAP 1.1 has none. They are dropped when a document is read, so that no signature would be held to them.
    if not _MARK.search(data):
        return False
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    return bool(etree.fromstring(data, parser).xpath("boolean(//processing-instruction())"))


def lay(
    content: etree._Element, shape: Shape, type_name: str | None = None, sign: Callable[[bytes], bytes] | None = None
) -> bytes:
    """Return `data` with the content.

    Args:
        content: root of the answer.
        shape: its form.
        type_name: for `typed`, as `{namespace}name`; None: the content's own name.
        sign: signs a document: the content if it is its own document, else `data`.
    """
    if shape in (Shape.TEXT, Shape.CDATA):
        document = etree.tostring(content, encoding="utf-8", with_tail=False)
        text = (sign(document) if sign else document).decode()
        laid = escaped(text) if shape is Shape.TEXT else f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
        return f'<data xmlns:xsi="{_XSI}" xmlns:xs="{_XSD}" xsi:type="xs:string">{laid}</data>'.encode()
    if shape is Shape.CHILD:
        data = b"<data>" + etree.tostring(content, encoding="utf-8", with_tail=False) + b"</data>"
    else:
        inside = b"".join(etree.tostring(part, encoding="utf-8") for part in content)
        data = _opening(content, type_name if shape is Shape.TYPED else "") + inside + b"</data>"
    return sign(data) if sign else data


def _opening(content: etree._Element, type_name: str | None) -> bytes:
    """Return the start tag of `data` when it replaces the content's root, with that root's attributes."""
    namespaces = {}
    if type_name != "":
        name = etree.QName(type_name or content)
        namespaces = {"xsi": _XSI} | ({"t": name.namespace} if name.namespace else {})
    data = etree.Element("data", dict(content.attrib), namespaces)
    if namespaces:
        data.set(XSI_TYPE, f"t:{name.localname}" if name.namespace else name.localname)
    start = etree.tostring(data, encoding="utf-8").removesuffix(b"/>") + b">"
    return start + escaped(content.text or "").encode()


def escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})
