"""Texts of elements and attributes, by their simple types."""

from dataclasses import dataclass

from lxml import etree

from appealbus.core.replies.xsd.components import Components, local, qualified
from appealbus.schemas.namespaces import XSD

_ANY = "anyType"


@dataclass(frozen=True, slots=True)
class Simple:
    """A text of these built-in types, several for a union. `words`: enumerated values, or None."""

    kinds: frozenset[str]
    words: frozenset[str] | None = None

    @property
    def anything(self) -> bool:
        """Whether any content is possible, also elements."""
        return _ANY in self.kinds

    def or_(self, other: "Simple") -> "Simple":
        words = None if self.words is None or other.words is None else self.words | other.words
        return Simple(self.kinds | other.kinds, words)


ANY_TEXT = Simple(frozenset({"string"}))


class SimpleTypes:
    def __init__(self, components: Components) -> None:
        self._components = components

    def builtin(self, node: etree._Element, name: str) -> Simple | None:
        """Return a built-in type, resolved at a node; None if it is none."""
        namespace, rest = qualified(node, name)
        return Simple(frozenset({rest})) if namespace == XSD else None

    def declared(self, node: etree._Element) -> Simple:
        inline = next((child for child in node if local(child) == "simpleType"), None)
        if inline is not None:
            return self.of(inline)
        return self._named(node, node.get("type"), frozenset())

    def of(self, node: etree._Element, seen: frozenset[etree._Element] = frozenset()) -> Simple:
        """Interpret a `simpleType`; an unsupported one is any text."""
        if node in seen:
            return ANY_TEXT
        seen |= {node}
        for way in node:
            kind = local(way)
            if kind == "restriction":
                return self._restriction(way, seen)
            if kind == "union":
                parts = [self._named(way, name, seen) for name in way.get("memberTypes", "").split()]
                parts += [self.of(child, seen) for child in way if local(child) == "simpleType"]
                simple = parts[0] if parts else ANY_TEXT
                for part in parts[1:]:
                    simple = simple.or_(part)
                return simple
        return ANY_TEXT  # a list is a text with blanks in it

    def restricted(self, way: etree._Element, base: Simple | None) -> Simple:
        """Apply a restriction of a type with simple content."""
        inline = next((child for child in way if local(child) == "simpleType"), None)
        start = self.of(inline) if inline is not None else base or ANY_TEXT
        return _enumerated(way, start)

    def _restriction(self, way: etree._Element, seen: frozenset[etree._Element]) -> Simple:
        inline = next((child for child in way if local(child) == "simpleType"), None)
        base = self.of(inline, seen) if inline is not None else self._named(way, way.get("base"), seen)
        return _enumerated(way, base)

    def _named(self, node: etree._Element, name: str | None, seen: frozenset[etree._Element]) -> Simple:
        if name is None:
            return ANY_TEXT
        builtin = self.builtin(node, name)
        if builtin is not None:
            return builtin
        target = self._components.find("type", node, name)
        return ANY_TEXT if target is None or local(target) != "simpleType" else self.of(target, seen)


def _enumerated(way: etree._Element, base: Simple) -> Simple:
    words = frozenset(child.get("value", "").strip() for child in way if local(child) == "enumeration")
    return Simple(base.kinds, words) if words else base
