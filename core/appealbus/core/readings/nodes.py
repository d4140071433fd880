"""JSON in the shape of elements, so that one program reads both."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from lxml import etree

from appealbus.core.replies import xmlread
from appealbus.core.replies.xmlread import is_refused, is_repeated
from appealbus.schemas.namespaces import XSI

_HAS_NIL = etree.XPath("boolean(descendant-or-self::*/@xsi:nil)", namespaces={"xsi": XSI})

_LARGEST = 1024
"""Bits of a whole number that is converted to text; Python refuses the largest, and no register has them."""


class JsonNode:
    """A value in a JSON object, with its key; a list counts as a repeated key."""

    __slots__ = ("_parent", "key", "tag", "text", "value")

    def __init__(self, tag: str, value: Any, parent: "JsonNode | None" = None) -> None:
        self.key = tag
        self.tag = tag.replace("}", "*")  # what is in front of it would count as a namespace
        self.value = value
        self.text = _text(value)
        self._parent = parent

    def __iter__(self) -> "Iterator[JsonNode]":
        if isinstance(self.value, Mapping):
            for name, value in self.value.items():
                for item in value if isinstance(value, list) else (value,):
                    yield JsonNode(str(name), item, self)

    def __len__(self) -> int:
        if isinstance(self.value, Mapping | list):
            return len(self.value)
        return int(self.text is None and self.value is not None)  # a number that is no text is none to read

    def whole(self) -> Any:
        around = self._parent.value if self._parent is not None else None
        return around.get(self.key, self.value) if isinstance(around, Mapping) else self.value

    def getparent(self) -> "JsonNode | None":
        return self._parent


Node: TypeAlias = etree._Element | JsonNode


def is_nil(node: Node) -> bool:
    """Whether it is null, or an element marked xsi:nil."""
    if isinstance(node, JsonNode):
        return node.value is None
    return xmlread.is_nil(node)


def has_nil(node: Node) -> bool:
    """Whether any part may be nil, to skip checks of single elements."""
    return isinstance(node, JsonNode) or bool(_HAS_NIL(node))


def attribute(node: Node, name: str) -> str | None:
    """Return an attribute by local name, stripped; of a JSON object, the value of `@name`."""
    if isinstance(node, JsonNode):
        value = node.value.get(f"@{name}") if isinstance(node.value, Mapping) else None
        return (_text(value) or "").strip() or None
    own = node.get(name)  # xsi:type must not pass for an attribute of the register's own
    if own is None:
        names = (key for key in node.attrib if str(key).endswith(f"}}{name}") and not str(key).startswith(f"{{{XSI}}}"))
        own = next((node.get(key) for key in names), None)
    return (own or "").strip() or None


def whole_text(node: Node) -> str | None:
    """Return an element's text, stripped; None if empty. ValueError for elements inside, which would cut it off."""
    text = (node.text or "").strip()
    if text and len(node):
        raise ValueError
    return text or None


def children(node: Any) -> Iterator[Any]:
    """Yield child elements; of an object its values, with lists flattened."""
    return iter(node) if isinstance(node, JsonNode) else node.iterchildren("*")


def named(node: Any, name: str) -> Iterator[Any]:
    """Yield the elements of this name in an element."""
    if not isinstance(node, JsonNode):
        return iter(node.iterchildren(f"{{*}}{name}"))
    items = node.value.get(name, []) if isinstance(node.value, Mapping) else []
    return (JsonNode(name, item, node) for item in (items if isinstance(items, list) else [items]))


def is_empty(node: Node) -> bool:
    return not (len(node) or (node.text or "").strip() or (not isinstance(node, JsonNode) and node.attrib))


def local_name(node: Node) -> str:
    return str(node.tag).rpartition("}")[2]


def tree(node: Node, depth: int = 20) -> Any:
    """Convert open content to JSON: text, or a table; repeated names become lists. Below 20 levels nothing is kept."""
    if isinstance(node, JsonNode):
        return node.value
    if not len(node) and not node.attrib:
        return (node.text or "").strip() or None
    if not depth or is_refused(node):
        return None
    table: dict[str, Any] = {f"@{str(key).rpartition('}')[2]}": str(value) for key, value in node.attrib.items()}
    texts = (text.strip() for text in (node.text, *(child.tail for child in node)) if text)
    if text := " ".join(filter(None, texts)):
        table["#text"] = text
    for child in node:
        if is_repeated(child):
            table[local_name(child)] = None
        elif isinstance(child.tag, str):
            put(table, local_name(child), tree(child, depth - 1))
    return table


def put(table: dict[str, Any], name: str, value: Any) -> None:
    if name not in table:
        table[name] = value
    elif isinstance(table[name], list):
        table[name].append(value)
    else:
        table[name] = [table[name], value]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, Mapping | list):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > _LARGEST:
        return None
    return str(value)
