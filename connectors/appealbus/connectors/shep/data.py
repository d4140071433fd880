"""The `data` element: the one place of a gateway message that the business content lies in, in one of four shapes."""

import re
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from appealbus.core import CallFailed, Shape
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import UnsafeXml, parse

NS_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
NS_XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI_TYPE: Final = f"{{{NS_XSI}}}type"

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")


def escaped(text: str) -> str:
    """Return the text as XML character data that a parser gives back unchanged, line breaks included."""
    return escape(text, {"\r": "&#13;"})


def put(content: etree._Element, shape: Shape, type_name: str | None = None) -> bytes:
    """Return the whole `data` element as UTF-8 bytes.

    Args:
        content: the business content.
        shape: how it shall lie in `data`.
        type_name: for `typed`, the name of the type as `{namespace}name`; None: the content's own name.

    """
    match shape:
        case Shape.CHILD:
            return b"<data>" + etree.tostring(content, encoding="utf-8", with_tail=False) + b"</data>"
        case Shape.TYPED:
            return _inside(content, type_name or str(content.tag))
        case Shape.BARE:
            return _inside(content, None)
        case Shape.TEXT:
            text = escaped(etree.tostring(content, encoding="unicode", with_tail=False))
            opening = f'<data xmlns:xsi="{NS_XSI}" xmlns:xs="{NS_XSD}" xsi:type="xs:string">'
            return f"{opening}{text}</data>".encode()
        case Shape.CDATA:
            text = etree.tostring(content, encoding="unicode", with_tail=False).replace("]]>", "]]]]><![CDATA[>")
            return f"<data><![CDATA[{text}]]></data>".encode()


def _inside(content: etree._Element, type_name: str | None) -> bytes:
    # In these shapes data stands for the content's own element, so it takes over its attributes.
    namespaces: dict[str, str] = {}
    name = etree.QName(type_name) if type_name is not None else None
    if name is not None:
        namespaces = {"xsi": NS_XSI} | ({"dt": name.namespace} if name.namespace else {})
    data = etree.Element("data", dict(content.attrib), namespaces)
    if name is not None:
        data.set(XSI_TYPE, f"dt:{name.localname}" if name.namespace else name.localname)
    opening = etree.tostring(data, encoding="utf-8").removesuffix(b"/>") + b">"
    inner = b"".join(etree.tostring(child, encoding="utf-8") for child in content)
    return opening + escaped(content.text or "").encode() + inner + b"</data>"


def take(data: etree._Element, *, limit: int) -> tuple[etree._Element, Shape]:
    """Return the content of `data` and the shape that it lay in.

    Text that is XML is parsed, one level deep and no more. A single child is the content itself; several
    children, typed ones, plain text and nothing at all leave `data` as the content.

    Raises:
        CallFailed: `shep.data_xml.*`, where text that looks like XML cannot be taken.

    """
    text = (data.text or "").strip()
    if len(data) == 0:
        return (_nested(text, limit), Shape.TEXT) if text.startswith("<") else (data, Shape.TYPED)
    if len(data) == 1 and not text and not _own_type(data):
        return data[0], Shape.CHILD
    return data, Shape.TYPED


def _own_type(data: etree._Element) -> bool:
    """Say whether xsi:type names a type of the business, not one that XML Schema brings."""
    type_name = data.get(XSI_TYPE)
    if type_name is None:
        return False
    prefix, _, _ = type_name.strip().rpartition(":")
    return data.nsmap.get(prefix or None) != NS_XSD


def _nested(text: str, limit: int) -> etree._Element:
    # The text was decoded with its envelope, so an encoding that it declares itself no longer holds.
    declaration = _DECLARATION.match(text)
    try:
        return parse(text[declaration.end() :].encode() if declaration else text.encode(), limit=limit)
    except UnsafeXml as error:
        raise CallFailed(
            OutcomeKind.INVALID,
            f"shep.data_{error.code.replace('.', '_')}",
            "the XML inside the message's data was not taken",
        ) from None
