"""JSON in the shape of elements, so that one program reads both."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from lxml import etree

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_HAS_NIL = etree.XPath("boolean(descendant-or-self::*/@xsi:nil)", namespaces={"xsi": _NIL[1:-4]})


class JsonNode:
    """A value of a JSON object under its key; a list under a key is the key repeated."""

    __slots__ = ("_parent", "tag", "text", "value")

    def __init__(self, tag: str, value: Any, parent: "JsonNode | None" = None) -> None:
        self.tag = tag
        self.value = value
        self.text = _text(value)
        self._parent = parent

    def __iter__(self) -> "Iterator[JsonNode]":
        if isinstance(self.value, Mapping):
            for name, value in self.value.items():
                for each in value if isinstance(value, list) else (value,):
                    yield JsonNode(str(name), each, self)

    def __len__(self) -> int:
        return len(self.value) if isinstance(self.value, Mapping | list) else 0

    def getparent(self) -> "JsonNode | None":
        """Return the object that it stands in."""
        return self._parent


Node: TypeAlias = etree._Element | JsonNode


def is_nil(node: Node) -> bool:
    """Say whether it stands for nothing: an element that is marked xsi:nil, or null."""
    if isinstance(node, JsonNode):
        return node.value is None
    return node.get(_NIL, "").strip() in ("true", "1")


def has_nil(node: Node) -> bool:
    """Say whether anything in it may be nil, so that reading need not ask at each element."""
    return isinstance(node, JsonNode) or bool(_HAS_NIL(node))


def attribute(node: Node, name: str) -> str | None:
    """Return an attribute by its local name, without outer blanks; of a JSON object, what it has under `@name`."""
    if isinstance(node, JsonNode):
        found = node.value.get(f"@{name}") if isinstance(node.value, Mapping) else None
        return (_text(found) or "").strip() or None
    for key, value in node.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value).strip() or None
    return None


def local_name(node: Node) -> str:
    """Return the name without a namespace."""
    return str(node.tag).rpartition("}")[2]


def tree(node: Node, depth: int = 20) -> Any:
    """Return open content as JSON: an element's text, or a table of what is in it; of what repeats, a list.

    Deeper than any register nests, at 20 levels, there is nothing more: what a sender nests without end has an end.
    """
    if isinstance(node, JsonNode):
        return node.value
    if not len(node) and not node.attrib:
        return (node.text or "").strip() or None
    if not depth:
        return None
    found: dict[str, Any] = {f"@{str(key).rpartition('}')[2]}": str(value) for key, value in node.attrib.items()}
    if not len(node) and (text := (node.text or "").strip()):
        found["#text"] = text
    for child in node:
        if isinstance(child.tag, str):
            put(found, local_name(child), tree(child, depth - 1))
    return found


def put(table: dict[str, Any], name: str, value: Any) -> None:
    """Put a value under a name; values that share one become a list."""
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
    return str(value)
