"""Shapes: allowed contents of an element, and their combination."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lxml import etree

from appealbus.core.replies.xsd.values import ANY_TEXT, Simple

UNBOUNDED = 2**31

Place: TypeAlias = tuple[etree._Element, ...]
"""Declarations of the elements at a place: several if types differ about a name."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child element: its declarations, and its minimum and maximum number."""

    place: Place
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: its text, and whether it is required."""

    text: Simple
    needed: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """Allowed contents of an element.

    Attributes:
        children: by local names.
        attributes: by local names.
        open: any other element may be in it.
        wild: so says a wildcard, `xs:any`, rather than a type of which nothing is known.
        blind: so says one that has nothing of it checked, `processContents="skip"`.
        open_attributes: any other attribute may be on it.
        text: what its text is; None where it has none.
    """

    children: dict[str, Child] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    open: bool = False
    open_attributes: bool = False
    text: Simple | None = None
    wild: bool = False
    blind: bool = False


ANYTHING = Shape(open=True, open_attributes=True, text=ANY_TEXT)


def both(*shapes: Shape) -> Shape:
    """Combine shapes of a sequence."""
    children: dict[str, list[Child]] = {}
    attributes: dict[str, Attribute] = {}
    for shape in shapes:
        for name, child in shape.children.items():
            children.setdefault(name, []).append(child)
        attributes |= shape.attributes
    return Shape(
        {name: _added(alike) for name, alike in children.items()},
        attributes,
        any(shape.open for shape in shapes),
        any(shape.open_attributes for shape in shapes),
        next((shape.text for shape in shapes if shape.text is not None), None),
        any(shape.wild for shape in shapes),
        any(shape.blind for shape in shapes),
    )


def either(ways: list[Shape]) -> Shape:
    """Combine shapes of a choice."""
    children: dict[str, list[Child]] = {}
    attributes: dict[str, list[Attribute]] = {}
    for way in ways:
        for name, child in way.children.items():
            children.setdefault(name, []).append(child)
        for name, attribute in way.attributes.items():
            attributes.setdefault(name, []).append(attribute)
    return Shape(
        {name: _either_child(alike, in_all=len(alike) == len(ways)) for name, alike in children.items()},
        {name: _either_attribute(alike, in_all=len(alike) == len(ways)) for name, alike in attributes.items()},
        any(way.open for way in ways),
        any(way.open_attributes for way in ways),
        _either_text([way.text for way in ways if way.text is not None]),
        any(way.wild for way in ways),
        any(way.blind for way in ways),
    )


def _added(alike: list[Child]) -> Child:
    if len(alike) == 1:
        return alike[0]
    return Child(_united(alike), sum(child.least for child in alike), sum(child.most for child in alike))


def _either_child(alike: list[Child], *, in_all: bool) -> Child:
    least = min(child.least for child in alike) if in_all else 0
    return Child(_united(alike), least, max(child.most for child in alike))


def _either_attribute(alike: list[Attribute], *, in_all: bool) -> Attribute:
    text = _either_text([attribute.text for attribute in alike])
    return Attribute(text or ANY_TEXT, in_all and all(attribute.needed for attribute in alike))


def _either_text(texts: list[Simple]) -> Simple | None:
    joined = texts[0] if texts else None
    for text in texts[1:]:
        joined = text if joined is None else joined.or_(text)
    return joined


def _united(alike: list[Child]) -> Place:
    return tuple(dict.fromkeys(node for child in alike for node in child.place))


def times(shape: Shape, node: etree._Element) -> Shape:
    """Apply the occurrence limits of a particle."""
    least, most = _number(node.get("minOccurs")), _number(node.get("maxOccurs"))
    if most == 0:
        return Shape()
    if (least, most) == (1, 1):
        return shape
    children = {
        name: Child(child.place, child.least * least, min(child.most * most, UNBOUNDED))
        for name, child in shape.children.items()
    }
    return replace(shape, children=children)


def as_declared(own: Shape, all_ways: Shape) -> Shape:
    """Return all ways, with the requirements of the declared type, which applies without `xsi:type`."""
    children = {
        name: replace(child, least=own.children[name].least if name in own.children else 0)
        for name, child in all_ways.children.items()
    }
    attributes = {
        name: replace(attribute, needed=name in own.attributes and own.attributes[name].needed)
        for name, attribute in all_ways.attributes.items()
    }
    return replace(all_ways, children=children, attributes=attributes)


def _number(text: str | None) -> int:
    if text is None:
        return 1
    return int(text) if text.strip().isdecimal() else UNBOUNDED
