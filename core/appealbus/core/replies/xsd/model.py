"""Allowed contents of elements by XSD documents."""

from collections.abc import Iterable
from dataclasses import replace

from lxml import etree

from appealbus.core.replies.xsd.components import Components, base_of, local, qualified
from appealbus.core.replies.xsd.shapes import ANYTHING, Attribute, Child, Place, Shape, as_declared, both, either, times
from appealbus.core.replies.xsd.values import ANY_TEXT, SimpleTypes

_IGNORED = frozenset(
    {"", "annotation", "attribute", "attributeGroup", "anyAttribute", "unique", "key", "keyref", "assert", "notation"}
)


class SchemaModel:
    def __init__(self, documents: Iterable[etree._Element]) -> None:
        self._components = Components(documents)
        self._simple = SimpleTypes(self._components)
        self._shapes: dict[Place, Shape] = {}
        self._types: dict[etree._Element, Shape] = {}
        self._groups: dict[etree._Element, Shape] = {}

    def element(self, name: str) -> Place | None:
        """Return a global element by `{namespace}local`, if any."""
        namespace, _, rest = name.rpartition("}")
        return self._components.elements((namespace[1:] or None, rest)) or None

    def elements(self, name: str) -> Place:
        """Return global elements of a local name, in any namespace."""
        return self._components.alike("element", name)

    def namespaces(self, place: Place) -> frozenset[str | None] | None:
        """Return the namespaces of the elements; None if uncertain."""
        names = set()
        for node in place:
            root = node.getroottree().getroot()
            target = root.get("targetNamespace")
            if target is None:  # it may be included by a document that has one
                return None
            form = "qualified" if node.getparent() is root else node.get("form", root.get("elementFormDefault"))
            names.add(target if form == "qualified" else None)
        return frozenset(names)

    def shape(self, place: Place) -> Shape:
        if place not in self._shapes:
            self._shapes[place] = either([self._element(node) for node in place])
        return self._shapes[place]

    def _element(self, node: etree._Element, depth: int = 0) -> Shape:
        inline = next((child for child in node if local(child) in ("complexType", "simpleType")), None)
        if any(local(child) == "alternative" for child in node):
            return ANYTHING
        if inline is not None:
            return self._type(inline, frozenset())
        if node.get("type"):
            return self._named_type(node, node.get("type", ""))
        head = self._components.find("element", node, node.get("substitutionGroup"))
        return ANYTHING if head is None or depth > 20 else self._element(head, depth + 1)

    def _named_type(self, node: etree._Element, name: str) -> Shape:
        """Return the shape of a type with all derived types, which `xsi:type` may name."""
        builtin = self._simple.builtin(node, name)
        if builtin is not None:
            return ANYTHING if builtin.anything else Shape(text=builtin)
        target = self._components.find("type", node, name)
        if target is None:
            return ANYTHING
        if target not in self._types:
            own = self._type(target, frozenset())
            others = [self._type(kind, frozenset()) for kind in self._components.derived(target)]
            self._types[target] = as_declared(own, either([own, *others])) if others else own
        return self._types[target]

    def _type(self, node: etree._Element, seen: frozenset[etree._Element]) -> Shape:
        if node in seen:
            return ANYTHING
        seen |= {node}
        if local(node) == "simpleType":
            return Shape(text=self._simple.of(node))
        content = next((child for child in node if local(child) in ("complexContent", "simpleContent")), None)
        way = base_of(node)
        if content is not None:
            return ANYTHING if way is None else self._of_base(node, content, way, seen)
        own = self._body(node)
        return replace(own, text=ANY_TEXT) if _is_true(node.get("mixed")) else own

    def _of_base(
        self, node: etree._Element, content: etree._Element, way: etree._Element, seen: frozenset[etree._Element]
    ) -> Shape:
        builtin = self._simple.builtin(way, way.get("base", ""))
        if builtin is not None:
            base = ANYTHING if builtin.anything else Shape(text=builtin)
        else:
            target = self._components.find("type", way, way.get("base"))
            base = ANYTHING if target is None else self._type(target, seen)
        own = self._body(way)
        restricts = local(way) == "restriction"
        if local(content) == "simpleContent":
            return replace(both(base, own), text=self._simple.restricted(way, base.text) if restricts else base.text)
        if base is ANYTHING and builtin is None:
            return ANYTHING
        own = replace(own, attributes={**base.attributes, **own.attributes}) if restricts else both(base, own)
        mixed = any(_is_true(part.get("mixed")) for part in (node, content))
        return replace(own, text=ANY_TEXT if mixed or (not restricts and base.text is not None) else None)

    def _body(self, node: etree._Element) -> Shape:
        shapes: list[Shape] = []
        for child in node:
            kind = local(child)
            if kind == "anyAttribute":
                shapes.append(Shape(open_attributes=True))
            elif kind == "attribute":
                shapes.append(self._attribute(child))
            elif kind == "attributeGroup":
                shapes.append(self._group(child, kind, Shape(open_attributes=True)))
            elif kind in ("sequence", "all", "choice", "group"):
                shapes.append(self._particle(child))
            elif kind not in _IGNORED and kind not in ("simpleType",) and not _is_facet(kind):
                shapes.append(Shape(open=True))
        return both(*shapes)

    def _group(self, node: etree._Element, kind: str, unknown: Shape) -> Shape:
        """Return the shape of a named group; `unknown` if it is undefined or recursive."""
        target = self._components.find(kind, node, node.get("ref"))
        if target is None:
            return unknown
        if target not in self._groups:
            self._groups[target] = unknown
            self._groups[target] = self._body(target)
        return self._groups[target]

    def _attribute(self, node: etree._Element) -> Shape:
        name, text = node.get("name"), ANY_TEXT
        if node.get("ref"):
            name = qualified(node, node.get("ref", ""))[1]
            target = self._components.find("attribute", node, node.get("ref"))
            if target is not None:
                text = self._simple.declared(target)
        else:
            text = self._simple.declared(node)
        needed = node.get("use") == "required" and node.get("fixed") is None
        return Shape(attributes={name or "": Attribute(text, needed)})

    def _particle(self, node: etree._Element) -> Shape:
        kind = local(node)
        if kind == "element":
            inside = self._element_in(node)
        elif kind == "choice":
            inside = either([self._particle(child) for child in node if local(child) not in _IGNORED])
        elif kind in ("sequence", "all"):
            inside = both(*(self._particle(child) for child in node if local(child) not in _IGNORED))
        elif kind == "group":
            inside = self._group(node, kind, Shape(open=True))
        else:
            inside = Shape(open=True, wild=kind == "any", blind=node.get("processContents") == "skip")
        return times(inside, node)

    def _element_in(self, node: etree._Element) -> Shape:
        name = node.get("name")
        if not node.get("ref"):
            return Shape({name or "": Child((node,), 1, 1)})
        target = self._components.find("element", node, node.get("ref"))
        if target is None:
            return Shape(open=True)
        members = self._components.members(target)
        ways = [Shape({element.get("name", ""): Child((element,), 1, 1)}) for element in (target, *members)]
        return either(ways)


def _is_true(text: str | None) -> bool:
    return (text or "").strip() in ("true", "1")


def _is_facet(kind: str) -> bool:
    return kind in ("enumeration", "pattern", "whiteSpace", "totalDigits", "fractionDigits") or kind.startswith(
        ("min", "max", "length")
    )
