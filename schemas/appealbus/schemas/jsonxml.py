"""What XML carries whatever its schema: structure checks, and maps and lists of plain values.

A member of a map is an element named after the kind of its value, its name in the attribute `name`:
`<string name="owner">…</string>`, `<list name="plots"><number>1</number><null/></list>`.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from appealbus.schemas.base import printable
from appealbus.schemas.namespaces import XSI
from appealbus.schemas.problems import named

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,999})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,999})(\.[0-9]{1,999})?([eE][+-]?[0-9]{1,9})?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class XmlError(ValueError):
    """A document is not what it should be: `path` says where, `reason` why; neither quotes a value."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def child(parent: etree._Element, name: str) -> etree._Element:
    """Append an element in the namespace of its parent."""
    return etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace."""
    return etree.QName(element).localname


def children(element: etree._Element, path: str, attribute: str | None = None) -> Iterator[etree._Element]:
    """Yield the elements inside one that holds no text and no attribute but the given one."""
    _check_attributes(element, path, attribute)
    if any((text or "").strip() for text in (element.text, *(part.tail for part in element))):
        raise XmlError(path, "there is text where elements should be")
    namespace = etree.QName(element).namespace
    for part in element:
        if etree.QName(part).namespace != namespace:
            raise XmlError(f"{path}/{named(local(part))}", f"the element is not in the namespace {namespace}")
        yield part


def text_of(element: etree._Element, path: str, attribute: str | None = None) -> str:
    """Return the text of an element that holds nothing else."""
    _check_attributes(element, path, attribute)
    if len(element):
        raise XmlError(path, "there are elements where a value should be")
    return element.text or ""


def write_members(element: etree._Element, members: dict[str, Any]) -> None:
    """Append the members of a map, as JSON knows them."""
    for name, value in members.items():
        _write(element, value).set("name", printable(name))


def read_members(element: etree._Element, path: str, attribute: str = "name") -> dict[str, Any]:
    """Return the members of a map, which is an element that may have the given attribute."""
    members: dict[str, Any] = {}
    for part in children(element, path, attribute):
        name = part.get("name")
        if name is None or name in members:
            raise XmlError(path, "a member has no name, or the name of another")
        members[name] = _read(part, path)
    return members


def _write(parent: etree._Element, value: Any) -> etree._Element:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return child(parent, "null")
    if isinstance(value, dict):
        element = child(parent, "map")
        write_members(element, value)
    elif isinstance(value, list):
        element = child(parent, "list")
        for item in value:
            _write(element, item)
    elif isinstance(value, bool):
        element = child(parent, "boolean")
        element.text = "true" if value else "false"
    elif isinstance(value, int | float):
        element = child(parent, "number")
        element.text = repr(value)
    else:
        element = child(parent, "string")
        element.text = printable(str(value))
    return element


def _read(element: etree._Element, above: str) -> Any:
    kind = local(element)
    path = f"{above}/{named(kind)}"
    if kind == "map":
        return read_members(element, path)
    if kind == "list":
        return [_read(part, path) for part in children(element, path, "name")]
    if kind not in ("string", "number", "boolean", "null"):
        raise XmlError(path, "there is no such element")
    text = text_of(element, path, "name")
    if kind == "null":
        return None
    return text if kind == "string" else _plain(kind, text.strip(), path)


def _plain(kind: str, text: str, path: str) -> int | float | bool:
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if kind == "number" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    raise XmlError(path, f"the value is no {kind}")


def _check_attributes(element: etree._Element, path: str, attribute: str | None) -> None:
    for name in element.attrib:
        # A sender may point at the schema; nothing is fetched from there.
        if name != attribute and not str(name).startswith(f"{{{XSI}}}"):
            raise XmlError(path, f"there is no attribute {named(str(name))}")
