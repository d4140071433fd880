"""Named components of XSD documents, for references."""

from collections.abc import Iterable
from typing import TypeAlias

from lxml import etree

from appealbus.schemas.namespaces import XSD

Name: TypeAlias = tuple[str | None, str]
"""Namespace and local name."""

_KINDS = {"simpleType": "type", "complexType": "type"}
_OVERRIDES = (f"{{{XSD}}}redefine", f"{{{XSD}}}override")


class Components:
    """Global components of documents. Imports are ignored; ambiguous and unresolved names count as anything."""

    def __init__(self, documents: Iterable[etree._Element]) -> None:
        self._defined: dict[tuple[str, Name], etree._Element | None] = {}
        self._local: dict[tuple[str, str], list[etree._Element]] = {}
        self._members: dict[etree._Element, list[etree._Element]] = {}
        self._derived: dict[etree._Element, list[etree._Element]] = {}
        nodes: list[etree._Element] = []
        for root in documents:
            nodes += root.iterchildren(f"{{{XSD}}}*")
            for changed in root.iterchildren(*_OVERRIDES):
                for node in changed.iterchildren(f"{{{XSD}}}*"):
                    self._defined[key_of(node)] = None
        for node in nodes:
            self._add(node)
        for node in nodes:
            head = self.find("element", node, node.get("substitutionGroup"))
            if head is not None:
                self._members.setdefault(head, []).append(node)
            base = base_of(node)
            if base is not None and (target := self.find("type", base, base.get("base"))) is not None:
                self._derived.setdefault(target, []).append(node)

    def find(self, kind: str, node: etree._Element, name: str | None) -> etree._Element | None:
        """Resolve a name; None if undefined or ambiguous. `node` is the context of its prefix."""
        return None if name is None else self.named(kind, qualified(node, name))

    def named(self, kind: str, name: Name) -> etree._Element | None:
        """Return the component; None if undefined or ambiguous."""
        for key in ((kind, name), (kind, (None, name[1]))):  # what is included may have no namespace of its own
            if key in self._defined:
                return self._defined[key]
        alike = self.alike(kind, name[1])
        return alike[0] if name[0] is None and len(alike) == 1 else None

    def elements(self, name: Name) -> tuple[etree._Element, ...]:
        """Return global elements of a name: several if definitions differ."""
        element = self.named("element", name)
        if element is not None:
            return (element,)
        return self.alike("element", name[1]) if ("element", name) in self._defined else ()

    def alike(self, kind: str, local: str) -> tuple[etree._Element, ...]:
        """Return components of a local name, in any namespace."""
        return tuple(self._local.get((kind, local), ()))

    def members(self, head: etree._Element) -> list[etree._Element]:
        """Return the members of an element's substitution group."""
        return _reached(head, self._members)

    def derived(self, base: etree._Element) -> list[etree._Element]:
        return _reached(base, self._derived)

    def _add(self, node: etree._Element) -> None:
        key = key_of(node)
        if not key[1][1]:
            return
        self._local.setdefault((key[0], key[1][1]), []).append(node)
        if key not in self._defined:
            self._defined[key] = node
        elif (other := self._defined[key]) is not None and _written(other) != _written(node):
            self._defined[key] = None


def local(node: etree._Element) -> str:
    """Return an XSD element's local name; empty for comments and other nodes."""
    tag = node.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) and tag.startswith(f"{{{XSD}}}") else ""


def qualified(node: etree._Element, name: str) -> Name:
    """Resolve a prefixed name in the context of a node."""
    prefix, colon, rest = name.strip().rpartition(":")
    return node.nsmap.get(prefix if colon else None), rest


def key_of(node: etree._Element) -> tuple[str, Name]:
    kind = local(node)
    root = node.getroottree().getroot()
    return _KINDS.get(kind, kind), (root.get("targetNamespace"), node.get("name", ""))


def base_of(node: etree._Element) -> etree._Element | None:
    """Return a type's extension or restriction; None without a base."""
    inside = node
    if local(node) == "complexType":
        content = next(node.iterchildren(f"{{{XSD}}}complexContent", f"{{{XSD}}}simpleContent"), None)
        if content is None:
            return None
        inside = content
    way = next(inside.iterchildren(f"{{{XSD}}}extension", f"{{{XSD}}}restriction"), None)
    return way if way is not None and way.get("base") else None


def _reached(start: etree._Element, following: dict[etree._Element, list[etree._Element]]) -> list[etree._Element]:
    reached: dict[etree._Element, None] = {}
    waiting = [start]
    while waiting:
        for node in following.get(waiting.pop(), ()):
            if node not in reached:
                reached[node] = None
                waiting.append(node)
    return list(reached)


def _written(node: etree._Element) -> bytes:
    return etree.tostring(node, method="c14n", exclusive=True)
