"""What may stand inside an element, and how two such things make one."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lxml import etree

from appealbus.core.replies.xsd.values import ANY_TEXT, Simple

UNBOUNDED = 2**31

Place: TypeAlias = tuple[etree._Element, ...]
"""The declarations of the elements that may stand somewhere: several where types give one name several meanings."""


@dataclass(frozen=True, slots=True)
class Child:
    """An element inside another: its declarations, and how often it stands there at least and at most."""

    place: Place
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: its text, and whether it must be there."""

    text: Simple
    needed: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand inside an element.

    Attributes:
        children: by local names.
        attributes: by local names.
        open: any other element may be in it.
        open_attributes: any other attribute may be on it.
        text: what its text is; None where it has none.

    """

    children: dict[str, Child] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    open: bool = False
    open_attributes: bool = False
    text: Simple | None = None


ANYTHING = Shape(open=True, open_attributes=True, text=ANY_TEXT)


def both(one: Shape, other: Shape) -> Shape:
    """Return what is allowed where both stand one after the other."""
    children = dict(one.children)
    for name, child in other.children.items():
        before = children.get(name)
        children[name] = child if before is None else _added(before, child)
    return Shape(
        children,
        {**one.attributes, **other.attributes},
        one.open or other.open,
        one.open_attributes or other.open_attributes,
        one.text if one.text is not None else other.text,
    )


def either(ways: list[Shape]) -> Shape:
    """Return what is allowed where one of several stands."""
    if not ways:
        return Shape()
    found = ways[0]
    for way in ways[1:]:
        children = {
            name: _either_child(found.children.get(name), way.children.get(name))
            for name in {**found.children, **way.children}
        }
        attributes = {
            name: _either_attribute(found.attributes.get(name), way.attributes.get(name))
            for name in {**found.attributes, **way.attributes}
        }
        text = found.text.or_(way.text) if found.text is not None and way.text is not None else found.text or way.text
        found = Shape(children, attributes, found.open or way.open, found.open_attributes or way.open_attributes, text)
    return found


def _added(one: Child, other: Child) -> Child:
    return Child(_united(one.place, other.place), one.least + other.least, one.most + other.most)


def _either_child(one: Child | None, other: Child | None) -> Child:
    if one is None or other is None:
        return replace(one or other or Child((), 0, 0), least=0)
    return Child(_united(one.place, other.place), min(one.least, other.least), max(one.most, other.most))


def _either_attribute(one: Attribute | None, other: Attribute | None) -> Attribute:
    if one is None or other is None:
        return replace(one or other or Attribute(ANY_TEXT, False), needed=False)
    return Attribute(one.text.or_(other.text), one.needed and other.needed)


def _united(one: Place, other: Place) -> Place:
    return tuple(dict.fromkeys((*one, *other)))


def times(shape: Shape, node: etree._Element) -> Shape:
    """Return what is allowed where a particle stands as often as it says."""
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
    """Return all ways, with what the declared type itself needs: who names no other type writes that one."""
    children = {
        name: replace(child, least=own.children[name].least if name in own.children else 0)
        for name, child in all_ways.children.items()
    }
    attributes = {
        name: replace(each, needed=name in own.attributes and own.attributes[name].needed)
        for name, each in all_ways.attributes.items()
    }
    return replace(all_ways, children=children, attributes=attributes)


def _number(text: str | None) -> int:
    if text is None:
        return 1
    return int(text) if text.strip().isdecimal() else UNBOUNDED
